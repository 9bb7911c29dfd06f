import { type SQL, sql } from 'drizzle-orm';
import { keyDirectory } from '../../access/table.js';
import type { Instant } from '../../core/clock.js';
import { earlierTokens } from '../table.js';

/** Tokens that a later one has ended, or time, with what the directory still knows of them; the oldest first. */
export function tokenBatch(end: Instant, most: number): SQL {
  return sql`with gone as (
      delete from ${earlierTokens} as token using (
        select old.* from tenants cross join lateral (
          select known.tenant_id, known.token_hash from ${earlierTokens} as known
          where known.tenant_id = tenants.id and known.ends_at < ${end}::timestamptz
          order by known.ends_at limit ${most}
        ) as old limit ${most}
      ) as old
      where token.tenant_id = old.tenant_id and token.token_hash = old.token_hash
      returning token.tenant_id, token.token_hash
    ), forgotten as (
      delete from ${keyDirectory} as place using gone
      where place.hash = gone.token_hash and place.tenant_id = gone.tenant_id
    )
    select 1 from gone`;
}
