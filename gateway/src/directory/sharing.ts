/** Many records say the same; what is made of it is kept once. Bounded, because what they say is what callers wrote. */
const most = 4_096

/**
 * Makes a value of a text once, and gives all who come with the same text the same value.
 * @param make must depend on the text alone
 */
export function sharing<Value>(make: (text: string) => Value): (text: string) => Value {
  const made = new Map<string, Value>()
  return (text) => {
    const known = made.get(text)
    if (known !== undefined) return known
    if (made.size >= most) made.clear()
    const value = make(text)
    made.set(text, value)
    return value
  }
}
