/** Why a price map is not taken over; the message completes "Failed to reload model cost map: …". */
export class MapRefused extends Error {
  override readonly name = 'MapRefused'
}
