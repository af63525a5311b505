/**
 * Why an answer adds nothing to what its caller has spent:
 * - `usage_unknown`: the provider did not tell what was used
 * - `model_unmapped`: the price map does not know the model, and the operator has said no price
 * - `price_missing`: the model's price lacks something that was used
 * - `free`: its price is 0
 */
export type ZeroCostReason = 'usage_unknown' | 'model_unmapped' | 'price_missing' | 'free'
