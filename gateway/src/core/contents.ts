/** Large contents that resources refer to by their hash, shared by all replicas. The same hash is the same content for ever. */
export interface Contents {
  /** @returns `undefined` when nobody has it. @throws GatewayError `store_unavailable` */
  get(hash: string): Promise<Uint8Array | undefined>
  /** Idempotent. @throws GatewayError `store_unavailable` */
  put(hash: string, bytes: Uint8Array): Promise<void>
}
