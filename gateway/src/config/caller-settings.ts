import { problem } from '../core/problem.ts'
import type { AddressSettings, KeyMakingSettings, RequiredSettings } from '../core/settings.ts'
import { AddressList } from '../lib/addresses.ts'
import type { Build } from './kinds/kind.ts'
import type { GeneralSection, LitellmSettings } from './schema/settings.ts'

/** What the settings say of callers: who they may be, from where they call, and what their requests must have. */

/** The mappings count before the one name, which is LiteLLM's older word for them. */
export function endUserHeaders(general: GeneralSection, build: Build): string[] {
  const names: string[] = []
  for (const [index, { header_name: name, litellm_user_role: role }] of (
    general.user_header_mappings ?? []
  ).entries()) {
    if (role === 'customer') names.push(name.toLowerCase())
    else {
      const path = `general_settings.user_header_mappings[${index}].litellm_user_role`
      // A caller could name any user whose rights it would then have.
      const note = 'only end users are read from headers; internal users call with keys of their own'
      build.report(path, (where) => problem('key_not_supported', where, { key: 'litellm_user_role', note }))
    }
  }
  if (general.user_header_name) names.push(general.user_header_name.toLowerCase())
  return names
}

export function keyMakingSettings(litellm: LitellmSettings, general: GeneralSection): KeyMakingSettings {
  const { personal_key_generation: personal, team_key_generation: team } = litellm.key_generation_settings ?? {}
  return Object.freeze({
    ofPersonal: Object.freeze({
      roles: personal?.allowed_user_roles ?? undefined,
      needed: personal?.required_params ?? [],
    }),
    ofTeams: Object.freeze({
      roles: team?.allowed_team_member_roles ?? undefined,
      needed: team?.required_params ?? [],
    }),
    personalByAdminsOnly: general.default_team_disabled ?? false,
  })
}

export function requiredSettings(general: GeneralSection): RequiredSettings {
  return Object.freeze({
    needed: general.enforced_params ?? [],
    neededOfServiceAccounts: general.service_account_settings?.enforced_params ?? [],
    needsEndUser: general.enforce_user_param ?? false,
    refusesTags: general.reject_clientside_metadata_tags ?? false,
  })
}

export function addressSettings(general: GeneralSection): AddressSettings {
  return Object.freeze({
    allowed: general.allowed_ips ? new AddressList(general.allowed_ips) : undefined,
    readsForwarded: general.use_x_forwarded_for ?? false,
  })
}
