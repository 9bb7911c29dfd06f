import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, type Pool } from '../../src/core/db.js';
import { arrayOf, prepared } from '../../src/core/prepared.js';
import { newDatabase } from '../support/server.js';

let database: Awaited<ReturnType<typeof newDatabase>>;
let pool: Pool;
const texts: string[] = [];
beforeAll(async () => {
  database = await newDatabase();
  const onStatement = (text: string): void => void texts.push(text);
  pool = openPool({ url: database.url, role: 'lg_app', maxConnections: 1, onStatement });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

type Values = Readonly<Record<'texts' | 'numbers' | 'instants', string>>;
const echo = prepared<{ readonly t: string | null; readonly n: number; readonly i: string }, Values>(sql`
  select t, n, extract(epoch from i)::int as i from unnest(${sql.placeholder('texts')}::text[],
    ${sql.placeholder('numbers')}::int[], ${sql.placeholder('instants')}::timestamptz[]) as e (t, n, i)`);

test('whatever a text holds, it comes back from PostgreSQL as it was sent in an array', async () => {
  const hostile = [
    '',
    'NULL',
    'null',
    'a"b',
    'a\\b',
    '\\"',
    '{x,y}',
    ',',
    "'; drop table licenses; --",
    '\n\t',
    '日本',
    null,
  ];
  const instants = hostile.map((_, index) => `1970-01-01T00:00:0${index % 10}.000Z`);

  const rows = await echo(pool.db, {
    texts: arrayOf(hostile),
    numbers: arrayOf(hostile.map((_, index) => index - 1)),
    instants: arrayOf(instants),
  });

  expect(rows.map(({ t }) => t)).toEqual(hostile);
  expect(rows.map(({ n }) => n)).toEqual(hostile.map((_, index) => index - 1));
  expect(rows.map(({ i }) => Number(i))).toEqual(hostile.map((_, index) => index % 10));
});

test('one text serves any number of values', async () => {
  texts.length = 0;

  for (const count of [0, 1, 1_000]) {
    const none = Array.from({ length: count }, () => null);
    const rows = await echo(pool.db, {
      texts: arrayOf(none),
      numbers: arrayOf(none),
      instants: arrayOf(none),
    });
    expect(rows).toHaveLength(count);
  }

  expect(new Set(texts).size).toBe(1);
});
