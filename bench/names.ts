/**
 * - `unary`: small request, small answer, as fast as the proxy can.
 * - `stream`: whole SSE streams that reach the proxy in one piece, as fast as it can.
 * - `events`: paced streams, every event in a packet of its own: what one relayed event costs.
 * - `unary-2000`: as `unary`, with 2,000 deployments configured instead of 10.
 * - `unary-changes`, `events-changes`: the config file changes once a second meanwhile.
 */
export const scenarioNames = ['unary', 'stream', 'events', 'unary-2000', 'unary-changes', 'events-changes'] as const
export type ScenarioName = (typeof scenarioNames)[number]

/** `floor` is a proxy of 70 lines on the same Node: what a gateway on node:http and undici cannot go below. */
export const candidateNames = ['nginx', 'floor', 'midflight', 'portkey'] as const
export type CandidateName = (typeof candidateNames)[number]

/** The shapes of upstream, one origin each. */
export type UpstreamKind = 'unary' | 'burst' | 'paced'

export type Origins = Readonly<Record<UpstreamKind, string>>
