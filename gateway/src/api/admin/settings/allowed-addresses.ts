import { z } from 'zod'
import type { JsonObject } from '../../../lib/json.ts'
import { type AdminCall, type AdminReply, adminRoute, type DeclaredRoute } from '../../admin-route.ts'
import { changeReply } from '../../change-reply.ts'
import { namesOf } from '../body-changes.ts'
import { storeOff } from '../models/refusals.ts'
import type { AdminPorts } from '../ports.ts'
import { plainDetail } from '../refusals.ts'
import { snapshotOf } from '../snapshot-of.ts'
import { storesModels } from '../stored-models.ts'
import { putSettings, sectionOf } from './stored-settings.ts'

type Ports = Pick<AdminPorts, 'changes' | 'environment'>

const tag = 'configuration'
const body = z.object({ ip: z.string().min(1) })
const section = 'general_settings'
const key = 'allowed_ips'

/** From where callers with a key are served (contract 6.2). Without a list, from everywhere. */
export function allowedAddressRoutes(ports: Ports): readonly DeclaredRoute[] {
  return [
    adminRoute({
      method: 'GET',
      path: '/get/allowed_ips',
      summary: 'The addresses from which callers are served; null: every one',
      tag,
      roles: ['proxy_admin', 'proxy_admin_viewer'],
      handle({ exchange }) {
        const spec = snapshotOf(exchange).declared.get('settings', 'gateway')?.spec ?? {}
        return { body: { data: sectionOf(spec, section)[key] ?? null } }
      },
    }),
    adminRoute({
      method: 'POST',
      path: '/add/allowed_ip',
      summary: 'Serves callers of one more address or range; the first one shuts out all others',
      tag,
      roles: ['proxy_admin'],
      body,
      handle: (call) =>
        change(ports, call, `IP ${call.body.ip} address added successfully`, (listed) => {
          if (listed.includes(call.body.ip)) throw plainDetail(400, 'IP address already exists')
          return [...listed, call.body.ip]
        }),
    }),
    adminRoute({
      method: 'POST',
      path: '/delete/allowed_ip',
      summary: 'Takes an address away; with the last one the list goes, and every address is served',
      tag,
      roles: ['proxy_admin'],
      body,
      handle: (call) =>
        change(ports, call, `IP ${call.body.ip} deleted successfully`, (listed) => {
          if (!listed.includes(call.body.ip)) throw plainDetail(404, 'IP address not found')
          return listed.filter((address) => address !== call.body.ip)
        }),
    }),
  ]
}

/** @throws GatewayError (400) for what is no address, and for a list that the configuration file has */
async function change(
  { changes, environment }: Ports,
  { change: options, exchange }: AdminCall<unknown, unknown>,
  message: string,
  edit: (listed: readonly string[]) => readonly string[],
): Promise<AdminReply> {
  if (!storesModels(exchange.snapshot, environment)) throw storeOff()
  const outcome = await changes.resources(options, (draft) => {
    const counts: JsonObject = draft.declared('settings', 'gateway')?.spec ?? {}
    const after = edit(namesOf(sectionOf(counts, section)[key]))
    putSettings(draft, { [section]: { [key]: after.length === 0 ? null : [...after] } })
    return { result: undefined }
  })
  return changeReply(options, outcome, { message, status: 'success' })
}
