import { STATUS_CODES } from 'node:http';
import type { FastifyError } from 'fastify';
import { type RefusalCode, refusalCodes } from '../../core/refusal.js';
import { codeOfStatus, headersOf, MASKED, refusalIn } from '../formatError.js';

/** Fastify's own words may quote the address, and a license key in it. */
const messages: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The address is not a URL.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty; it has to be JSON.',
  // Fastify has one code for both: a member called so would be taken for what every object inherits.
  FST_ERR_CTP_INVALID_JSON_BODY:
    'The body is not JSON, or has a member called __proto__ or constructor.prototype.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is too large.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'This address takes no bodies of that media type.',
};

/** What is answered where no operation answers, in the words of the graph. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: ReadonlyMap<string, string>;
  readonly body: {
    readonly errors: readonly [
      {
        readonly message: string;
        readonly extensions: { readonly code: RefusalCode; readonly requestId: string };
      },
    ];
  };
}

function answered(status: number, code: RefusalCode, message: string, requestId: string): HttpAnswer {
  return { status, body: { errors: [{ message, extensions: { code, requestId } }] } };
}

export function refusedByHttp(
  status: number,
  requestId: string,
  message = `${STATUS_CODES[status]}.`,
): HttpAnswer {
  return answered(status, codeOfStatus(status), message, requestId);
}

/** Whatever was thrown past the graph: a refusal of ours, also as the graph's door has it, one of Fastify's, or a defect. */
export function answerOf(error: FastifyError, requestId: string): HttpAnswer {
  const refusal = refusalIn(error);
  if (refusal !== undefined) {
    const [status] = refusalCodes[refusal.code];
    return {
      ...answered(status, refusal.code, refusal.message, requestId),
      headers: headersOf(refusal, status),
    };
  }
  const status = error.statusCode ?? 500;
  return status < 500
    ? refusedByHttp(status, requestId, messages[error.code])
    : answered(500, 'INTERNAL_SERVER_ERROR', MASKED, requestId);
}
