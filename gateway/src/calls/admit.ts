import { accessRefusal } from './access.ts'
import type { Call } from './call.ts'
import { requiredRefusal } from './required.ts'

/** Stop 4: whether the caller may make this call. @throws GatewayError (contract 3.5, 3.7, 6.1) */
export function admit(call: Call): void {
  const refusal = accessRefusal(call) ?? requiredRefusal(call)
  if (refusal !== undefined) throw refusal
}
