/** Who a caller is to the management API (contract 3.1). `team` and `customer` are keys that act for no user. */
export const roles = [
  'proxy_admin',
  'proxy_admin_viewer',
  'org_admin',
  'internal_user',
  'internal_user_viewer',
  'team',
  'customer',
] as const

export type Role = (typeof roles)[number]
