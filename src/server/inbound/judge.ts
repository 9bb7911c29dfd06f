import type { PaypalCertificates } from '../../billing/gateway/paypalCertificates.js';
import type { InboundProcessor } from '../../billing/model/inbound.js';
import {
  type Judgement,
  judgePaypal,
  judgeStandard,
  judgeStripe,
  paypalHeaders,
  type SignedBody,
} from '../../billing/model/webhookSignatures.js';

/** What came, and whom the network says that it came from. */
export interface Sent extends SignedBody {
  readonly asker: string;
}

type Judge = (sent: Sent, secrets: readonly string[], certificates: PaypalCertificates) => Promise<Judgement>;

async function askPaypal(
  sent: Sent,
  webhookIds: readonly string[],
  certificates: PaypalCertificates,
): Promise<Judgement> {
  const said = paypalHeaders(sent.headers);
  if (said === undefined) return 'SIGNATURE';
  const certificate = await certificates.find(said.certificateUrl, sent.asker);
  return certificate === undefined ? 'SIGNATURE' : judgePaypal(sent, said, webhookIds, certificate.publicKey);
}

/** Whether each processor has sent it, by what it signs with. */
export const judges: Readonly<Record<InboundProcessor, Judge>> = {
  STRIPE: async (sent, secrets) => judgeStripe(sent, secrets),
  BILLING: async (sent, secrets) => judgeStandard(sent, secrets),
  PAYPAL: askPaypal,
};
