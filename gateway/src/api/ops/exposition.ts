export type Labels = Readonly<Record<string, string | number>>

/** A page of metrics in the Prometheus text format, family by family. */
export class Exposition {
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'
  readonly #lines: string[] = []

  /** Begins a family; its samples follow. */
  family(name: string, help: string, type: 'counter' | 'gauge' | 'histogram'): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }

  sample(name: string, value: number, labels?: Labels): void {
    this.#lines.push(`${name}${labels === undefined ? '' : `{${labelText(labels)}}`} ${value}`)
  }

  /** A family of one sample. */
  single(name: string, help: string, type: 'counter' | 'gauge', value: number): void {
    this.family(name, help, type)
    this.sample(name, value)
  }

  /** @param byLabel what was counted, by the value of the one label */
  histograms(name: string, help: string, label: string, byLabel: ReadonlyMap<string, Buckets>): void {
    this.family(name, help, 'histogram')
    for (const [value, buckets] of byLabel) {
      const labels = { [label]: value }
      let upTo = 0
      for (const [index, bound] of buckets.bounds.entries()) {
        upTo += buckets.counts[index] ?? 0
        this.sample(`${name}_bucket`, upTo, { ...labels, le: bound })
      }
      this.sample(`${name}_bucket`, buckets.count, { ...labels, le: '+Inf' })
      this.sample(`${name}_sum`, buckets.sum, labels)
      this.sample(`${name}_count`, buckets.count, labels)
    }
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

/** What a histogram counts. */
export class Buckets {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[]
  /** One for each bound, not summed up. */
  readonly counts: number[]
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    const index = this.bounds.findIndex((bound) => value <= bound)
    if (index !== -1) this.counts[index] = (this.counts[index] ?? 0) + 1
    this.sum += value
    this.count += 1
  }
}

/** The buckets of a label's value, made when it is first seen. */
export function bucketsOf(byLabel: Map<string, Buckets>, value: string, bounds: readonly number[]): Buckets {
  const known = byLabel.get(value)
  if (known !== undefined) return known
  const made = new Buckets(bounds)
  byLabel.set(value, made)
  return made
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(',')
}

export function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
