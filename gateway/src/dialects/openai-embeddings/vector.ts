import { Buffer } from 'node:buffer'
import { GatewayError } from '../../core/errors.ts'

const floatBytes = 4

/** Base64 of little-endian float32, as OpenAI writes vectors with `encoding_format: base64`. */
export function vectorToBase64(vector: readonly number[]): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * floatBytes))
  for (const [index, value] of vector.entries()) bytes.setFloat32(index * floatBytes, value, true)
  return Buffer.from(bytes.buffer).toString('base64')
}

/** @throws GatewayError `upstream_malformed` when the text is not base64 of whole numbers of float32 */
export function base64ToVector(text: string): readonly number[] {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length % floatBytes !== 0 || (text !== '' && bytes.length === 0)) {
    throw new GatewayError('upstream_malformed', 'the provider answered an embedding that is not base64 of float32')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / floatBytes }, (_, index) => view.getFloat32(index * floatBytes, true))
}
