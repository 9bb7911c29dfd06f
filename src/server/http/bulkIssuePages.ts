import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Permission } from '../../access/permissions.js';
import { requirePermission } from '../../core/actor.js';
import { invalidInput } from '../../core/refusal.js';
import { LONGEST_CSV } from '../../licenses/model/bulkIssue.js';
import { graphRequest } from './graphRequest.js';
import { type Answer, askApollo, endWithCaller, type Graph } from './graphRoute.js';
import type { HttpOperation } from './httpOperation.js';

export const BULK_ISSUE_PATH = '/bulk-issues';

export interface BulkIssuePageOptions extends Graph {
  context(request: FastifyRequest): Promise<HttpOperation>;
}

/** What the graph would be asked with the list as a variable: JSON of ten thousand rows does not fit in its requests. */
const QUERY = `mutation BulkIssueLicenses($input: BulkIssueLicensesInput!) {
  bulkIssueLicenses(input: $input) {
    bulkIssue { id status mode rowCount issuedCount refusedCount }
    licenseCount
    refusedCount
    results { row status code message column licenseId licenseKey }
  }
}`;

/** Bytes of another encoding would become names that nobody has. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function textOf(body: unknown): string {
  try {
    return utf8.decode(Buffer.isBuffer(body) ? body : undefined);
  } catch {
    throw invalidInput([{ field: 'input.csv', message: 'must be UTF-8' }]);
  }
}

const parsedFlag = (flag: unknown): unknown => (flag === 'true' ? true : flag === 'false' ? false : flag);

/** Each parameter is a member of the input: of one that the mutation does not have GraphQL says so. */
function inputOf({ query, body }: FastifyRequest) {
  const { dryRun = false, ...given } = { ...(query as Record<string, unknown>) };
  return { ...given, dryRun: parsedFlag(dryRun), csv: textOf(body) };
}

async function issued(
  { graph, machinery, documents }: BulkIssuePageOptions,
  request: FastifyRequest,
  operation: HttpOperation,
): Promise<Answer> {
  const input = inputOf(request);
  // A long text is read in a turn of its own, as long bodies of the graph are.
  await machinery.line.enter(input.csv.length);
  const asked = { ...graphRequest(request), search: '', body: { query: QUERY, variables: { input } } };
  return askApollo({ graph, machinery, documents }, asked, Promise.resolve(operation));
}

/**
 * A list of licenses as a file of CSV: the mutation `bulkIssueLicenses`, with the file as its text and the address's
 * parameters as the rest of its input. Whoever may not issue licenses is refused before a byte of it is read.
 */
export async function addBulkIssuePages(app: FastifyInstance, options: BulkIssuePageOptions): Promise<void> {
  const callers = new WeakMap<FastifyRequest, HttpOperation>();
  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const operation = await options.context(request);
    requirePermission(operation.actor, 'license.issue' satisfies Permission);
    callers.set(request, endWithCaller(operation, reply));
  };
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const limits = { parseAs: 'buffer', bodyLimit: LONGEST_CSV } as const;
    scope.addContentTypeParser('text/csv', limits, (_request, body, done) => done(null, body));
    scope.post(BULK_ISSUE_PATH, { onRequest: admit, bodyLimit: LONGEST_CSV }, async (request, reply) => {
      const operation = callers.get(request);
      if (operation === undefined) throw new Error('a caller was not asked who it is');
      const { status, headers, body } = await options.machinery.drain.track(
        issued(options, request, operation),
      );
      return reply
        .code(status)
        .headers({ ...headers })
        .send(body);
    });
  });
}
