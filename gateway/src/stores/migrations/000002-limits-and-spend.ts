import { dialects } from '../dialect.ts'
import type { Migration } from './migration.ts'

/**
 * What holders of budgets have spent; on PostgreSQL the shared counters of limits, too, with the functions that decide in one
 * statement (`state/limits/postgres.ts`). A later form of a function gets a name of its own: both versions run at once.
 */
export const limitsAndSpend: Migration = {
  number: 2,
  name: 'limits-and-spend',
  minimumReader: 1,
  async step(session) {
    for (const statement of spend(dialects[session.dialect].text)) await session.query(statement)
    if (session.dialect === 'postgres') for (const statement of counters) await session.query(statement)
    return 'done'
  },
}

const spend = (text: string): readonly string[] => [
  // In billionths of a dollar. The window is that of the last call that was counted; one that is over counts as 0.
  `CREATE TABLE IF NOT EXISTS midflight_spend (
    spender ${text} PRIMARY KEY,
    amount BIGINT NOT NULL,
    total BIGINT NOT NULL,
    window_start BIGINT,
    window_end BIGINT,
    updated_at BIGINT NOT NULL
  )`,
  // Batches that were written, so that one whose answer was lost is not written twice.
  `CREATE TABLE IF NOT EXISTS midflight_spend_batch (
    id ${text} PRIMARY KEY,
    written_at BIGINT NOT NULL
  )`,
  'CREATE INDEX IF NOT EXISTS midflight_spend_batch_age ON midflight_spend_batch (written_at)',
]

/**
 * UNLOGGED: a counter that a crash of the database takes away starts again from `midflight_spend`, or with a new minute.
 * `held` is what calls under way have taken and give back; `holds_expire` a time before which none of it expires.
 */
const counters: readonly string[] = [
  `CREATE UNLOGGED TABLE IF NOT EXISTS midflight_limit_counter (
    counter TEXT COLLATE "C" PRIMARY KEY,
    settled BIGINT NOT NULL,
    held BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    holds_expire BIGINT NOT NULL,
    used_at BIGINT NOT NULL
  ) WITH (fillfactor = 50)`,
  'CREATE INDEX IF NOT EXISTS midflight_limit_counter_idle ON midflight_limit_counter (window_end)',
  `CREATE UNLOGGED TABLE IF NOT EXISTS midflight_limit_hold (
    counter TEXT COLLATE "C" NOT NULL,
    reservation TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (counter, reservation)
  )`,

  `CREATE OR REPLACE FUNCTION midflight_limit_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS
    'SELECT CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT)'`,

  // Where a counter stands at a moment: an ended window counts 0, another duration keeps what is counted until its own end.
  `CREATE OR REPLACE FUNCTION midflight_limit_turn(
    INOUT settled BIGINT, INOUT window_end BIGINT, kind TEXT, first BIGINT, second BIGINT, third BIGINT, now BIGINT
  ) LANGUAGE plpgsql IMMUTABLE AS $body$
  BEGIN
    IF kind = 'rolling' THEN
      IF window_end <= now THEN
        settled := 0;
        window_end := now + first;
      END IF;
      RETURN;
    END IF;
    IF window_end <> 0 AND window_end <= now THEN settled := 0; END IF;
    window_end := CASE WHEN kind = 'none' THEN 0 WHEN first > now THEN first WHEN second > now THEN second ELSE third END;
  END $body$`,

  // Asks are decided one after the other. All counters are locked before the first, in one order for everybody.
  // A demand: counter, measure, limit, amount, window, three numbers of the window, seed, end of the seed.
  `CREATE OR REPLACE FUNCTION midflight_limit_reserve(asks JSONB) RETURNS JSONB LANGUAGE plpgsql AS $body$
  DECLARE
    ask JSONB;
    demand JSONB;
    answer JSONB;
    answers JSONB := '[]';
    now BIGINT;
    spot INT;
    refused INT;
    cold INT[];
    locked TEXT[];
    counters TEXT[];
    measures TEXT[];
    limits BIGINT[];
    amounts BIGINT[];
    settleds BIGINT[];
    helds BIGINT[];
    ends BIGINT[];
    row_ midflight_limit_counter%ROWTYPE;
    freed BIGINT;
    used BIGINT;
  BEGIN
    INSERT INTO midflight_limit_counter
      SELECT DISTINCT ON ((wanted.value->>0) COLLATE "C")
        wanted.value->>0, COALESCE((wanted.value->>8)::BIGINT, 0), 0, COALESCE((wanted.value->>9)::BIGINT, 0), 0, 0
      FROM jsonb_array_elements(asks) asked, jsonb_array_elements(asked.value->'demands') wanted
      WHERE (wanted.value->>1 <> 'budget' OR wanted.value->>8 IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM midflight_limit_counter known WHERE known.counter = (wanted.value->>0) COLLATE "C")
      ORDER BY (wanted.value->>0) COLLATE "C"
      ON CONFLICT DO NOTHING;
    -- A counter that another call makes meanwhile is not among the locked ones, and must not be touched.
    SELECT array_agg(mine.counter) INTO locked FROM (
      SELECT known.counter FROM midflight_limit_counter known
      WHERE known.counter IN (
        SELECT (wanted.value->>0) COLLATE "C"
        FROM jsonb_array_elements(asks) asked, jsonb_array_elements(asked.value->'demands') wanted
      )
      ORDER BY known.counter FOR UPDATE
    ) mine;
    now := midflight_limit_now();
    FOR ask IN SELECT value FROM jsonb_array_elements(asks) LOOP
      cold := '{}'; counters := '{}'; measures := '{}'; limits := '{}'; amounts := '{}';
      settleds := '{}'; helds := '{}'; ends := '{}';
      spot := 0;
      FOR demand IN SELECT value FROM jsonb_array_elements(ask->'demands') LOOP
        SELECT * INTO row_ FROM midflight_limit_counter found
          WHERE found.counter = (demand->>0) COLLATE "C" AND found.counter = ANY (locked);
        IF NOT FOUND THEN
          cold := cold || spot;
        ELSE
          IF row_.held > 0 AND row_.holds_expire <= now THEN
            WITH dead AS (
              DELETE FROM midflight_limit_hold hold
              WHERE hold.counter = row_.counter AND hold.expires_at <= now RETURNING hold.amount
            )
            SELECT COALESCE(sum(dead.amount), 0) INTO freed FROM dead;
            row_.held := GREATEST(0, row_.held - freed);
            UPDATE midflight_limit_counter changed
              SET held = row_.held,
                holds_expire = COALESCE(
                  (SELECT min(hold.expires_at) FROM midflight_limit_hold hold WHERE hold.counter = row_.counter), 0)
              WHERE changed.counter = row_.counter;
          END IF;
          SELECT turned.settled, turned.window_end INTO row_.settled, row_.window_end
            FROM midflight_limit_turn(row_.settled, row_.window_end, demand->>4,
              (demand->>5)::BIGINT, (demand->>6)::BIGINT, (demand->>7)::BIGINT, now) turned;
        END IF;
        counters := counters || (demand->>0);
        measures := measures || (demand->>1);
        limits := limits || (demand->>2)::BIGINT;
        amounts := amounts || (demand->>3)::BIGINT;
        settleds := settleds || row_.settled;
        helds := helds || row_.held;
        ends := ends || row_.window_end;
        spot := spot + 1;
      END LOOP;
      IF cardinality(cold) > 0 THEN
        answers := answers || jsonb_build_array(to_jsonb(ARRAY[2] || cold));
        CONTINUE;
      END IF;
      refused := NULL;
      FOR spot IN 1 .. cardinality(counters) LOOP
        used := settleds[spot] + helds[spot];
        IF measures[spot] IN ('requests', 'parallel') THEN
          IF used + amounts[spot] > limits[spot] THEN refused := spot; END IF;
        ELSIF used >= limits[spot] THEN
          refused := spot;
        END IF;
        EXIT WHEN refused IS NOT NULL;
      END LOOP;
      IF refused IS NOT NULL THEN
        answers := answers || jsonb_build_array(jsonb_build_array(
          0, refused - 1, settleds[refused] + helds[refused], helds[refused], ends[refused]));
        CONTINUE;
      END IF;
      answer := '[1]';
      FOR spot IN 1 .. cardinality(counters) LOOP
        IF measures[spot] IN ('parallel', 'budget') THEN
          helds[spot] := helds[spot] + amounts[spot];
          INSERT INTO midflight_limit_hold VALUES (
            counters[spot], ask->>'id', amounts[spot], now + (ask->>'ttl')::BIGINT);
          UPDATE midflight_limit_counter changed
            SET settled = settleds[spot], held = helds[spot], window_end = ends[spot], used_at = now,
              holds_expire = CASE WHEN changed.holds_expire = 0 OR changed.held = 0 THEN now + (ask->>'ttl')::BIGINT
                ELSE LEAST(changed.holds_expire, now + (ask->>'ttl')::BIGINT) END
            WHERE changed.counter = counters[spot] COLLATE "C";
        ELSE
          settleds[spot] := settleds[spot] + amounts[spot];
          UPDATE midflight_limit_counter changed
            SET settled = settleds[spot], window_end = ends[spot], used_at = now
            WHERE changed.counter = counters[spot] COLLATE "C";
        END IF;
        answer := answer || to_jsonb(GREATEST(0, limits[spot] - settleds[spot] - helds[spot]))
          || to_jsonb(ends[spot]);
      END LOOP;
      answers := answers || jsonb_build_array(answer);
    END LOOP;
    RETURN jsonb_build_array(now, answers);
  END $body$`,

  // A settlement: counter, reservation, measure, amount, used, end of the window it was taken in, window, three numbers, release only.
  // What is held is given back only if it is there, so a repeated settlement changes nothing; tokens are settled the first time only.
  `CREATE OR REPLACE FUNCTION midflight_limit_settle(settlements JSONB, repeated INT) RETURNS INT LANGUAGE plpgsql AS $body$
  DECLARE
    one JSONB;
    locked TEXT[];
    now BIGINT;
    row_ midflight_limit_counter%ROWTYPE;
    given BIGINT;
  BEGIN
    SELECT array_agg(mine.counter) INTO locked FROM (
      SELECT known.counter FROM midflight_limit_counter known
      WHERE known.counter IN (SELECT (value->>0) COLLATE "C" FROM jsonb_array_elements(settlements))
      ORDER BY known.counter FOR UPDATE
    ) mine;
    now := midflight_limit_now();
    FOR one IN SELECT value FROM jsonb_array_elements(settlements) LOOP
      CONTINUE WHEN (one->>0) <> ALL (locked) OR locked IS NULL;
      IF one->>2 IN ('parallel', 'budget') THEN
        DELETE FROM midflight_limit_hold hold
          WHERE hold.counter = (one->>0) COLLATE "C" AND hold.reservation = (one->>1) COLLATE "C"
          RETURNING hold.amount INTO given;
        CONTINUE WHEN NOT FOUND;
        SELECT * INTO row_ FROM midflight_limit_counter found WHERE found.counter = (one->>0) COLLATE "C";
        CONTINUE WHEN NOT FOUND;
        IF one->>2 = 'budget' AND one->>10 <> 'true' THEN
          SELECT turned.settled + (one->>4)::BIGINT, turned.window_end INTO row_.settled, row_.window_end
            FROM midflight_limit_turn(row_.settled, row_.window_end, one->>6,
              (one->>7)::BIGINT, (one->>8)::BIGINT, (one->>9)::BIGINT, now) turned;
        END IF;
        UPDATE midflight_limit_counter changed
          SET settled = row_.settled, held = GREATEST(0, changed.held - given), window_end = row_.window_end, used_at = now
          WHERE changed.counter = row_.counter;
      ELSIF repeated = 0 THEN
        UPDATE midflight_limit_counter changed
          SET settled = GREATEST(0, changed.settled + (one->>4)::BIGINT - (one->>3)::BIGINT)
          WHERE changed.counter = (one->>0) COLLATE "C" AND changed.window_end = (one->>5)::BIGINT AND changed.window_end > now;
      END IF;
    END LOOP;
    RETURN 1;
  END $body$`,

  `CREATE OR REPLACE FUNCTION midflight_limit_renew(holds JSONB, ttl BIGINT) RETURNS INT LANGUAGE sql AS $body$
    UPDATE midflight_limit_hold hold SET expires_at = midflight_limit_now() + ttl
      FROM jsonb_array_elements(holds) renewed
      WHERE hold.counter = (renewed.value->>0) COLLATE "C" AND hold.reservation = (renewed.value->>1) COLLATE "C";
    SELECT 1
  $body$`,

  `CREATE OR REPLACE FUNCTION midflight_limit_raise(spent JSONB) RETURNS INT LANGUAGE plpgsql AS $body$
  DECLARE
    locked TEXT[];
  BEGIN
    SELECT array_agg(mine.counter) INTO locked FROM (
      SELECT known.counter FROM midflight_limit_counter known
      WHERE known.counter IN (SELECT (value->>0) COLLATE "C" FROM jsonb_array_elements(spent))
      ORDER BY known.counter FOR UPDATE
    ) mine;
    UPDATE midflight_limit_counter low SET settled = (known.value->>1)::BIGINT - low.held
      FROM jsonb_array_elements(spent) known
      WHERE low.counter = ANY (locked) AND low.counter = (known.value->>0) COLLATE "C" AND low.window_end = (known.value->>2)::BIGINT
        AND low.settled + low.held < (known.value->>1)::BIGINT;
    RETURN 1;
  END $body$`,

  `CREATE OR REPLACE FUNCTION midflight_limit_set(name TEXT, amount BIGINT) RETURNS INT LANGUAGE sql AS $body$
    UPDATE midflight_limit_counter changed SET settled = amount WHERE changed.counter = name COLLATE "C";
    SELECT 1
  $body$`,

  // In bounded steps. A counter that nobody holds anything of is made anew when it is needed; a budget's is kept for a day.
  `CREATE OR REPLACE FUNCTION midflight_limit_sweep() RETURNS INT LANGUAGE plpgsql AS $body$
  DECLARE
    now BIGINT := midflight_limit_now();
    gone INT;
  BEGIN
    WITH idle AS (
      SELECT old.counter FROM midflight_limit_counter old
      WHERE old.held = 0 AND (
        (old.window_end > 0 AND old.window_end < now - 60000) OR (old.window_end = 0 AND old.used_at < now - 86400000)
      )
      LIMIT 5000 FOR UPDATE SKIP LOCKED
    )
    DELETE FROM midflight_limit_counter dropped USING idle WHERE dropped.counter = idle.counter;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
  END $body$`,
]
