import type { Language } from '../../access/model/settings.js';
import type { InvoicePurpose, PaymentStatus, Processor } from '../model/invoice.js';
import type { LineDetail, PriceLineKind } from '../model/price.js';

/** Everything that an invoice says by itself, in one language. */
export interface InvoiceWords {
  readonly invoice: string;
  readonly purposes: Readonly<Record<InvoicePurpose, string>>;
  readonly date: string;
  readonly due: string;
  readonly status: string;
  readonly statuses: Readonly<Record<PaymentStatus, string>>;
  readonly voided: string;
  readonly billTo: string;
  readonly taxId: string;
  readonly description: string;
  readonly quantity: string;
  readonly unitAmount: string;
  readonly amount: string;
  /** What a line is for; a tax says it itself. */
  readonly lines: Readonly<Record<Exclude<PriceLineKind, 'TAX'>, string>>;
  /** What is paid for in billing cycles, in the plural. */
  readonly cycles: Readonly<Record<NonNullable<LineDetail['periods']>['cycle'], string>>;
  readonly credited: Readonly<Record<NonNullable<LineDetail['credited']>, string>>;
  readonly days: (left: string, of: string) => string;
  /** What stands between a word and what is counted of it. */
  readonly colon: string;
  readonly total: string;
  readonly paid: string;
  readonly refunded: string;
  readonly amountDue: string;
  readonly credit: string;
  readonly payments: string;
  readonly payment: string;
  readonly refund: string;
  readonly further: (count: number) => string;
  readonly processors: Readonly<Record<Processor, string>>;
  readonly page: (page: number, pages: number) => string;
  readonly lacking: string;
}

const names = { STRIPE: 'Stripe', PAYPAL: 'PayPal' } as const;

const english: InvoiceWords = {
  invoice: 'Invoice',
  purposes: { ORDER: 'Order', RENEWAL: 'Renewal', UPGRADE: 'Upgrade' },
  date: 'Date',
  due: 'Due',
  status: 'Status',
  statuses: {
    PENDING: 'Open',
    PAID: 'Paid',
    PARTIAL: 'Paid in part',
    FAILED: 'Payment failed',
    REFUNDED: 'Refunded',
  },
  voided: 'Void',
  billTo: 'Bill to',
  taxId: 'Tax ID',
  description: 'Description',
  quantity: 'Quantity',
  unitAmount: 'Unit price',
  amount: 'Amount',
  lines: {
    LICENSES: 'Licenses',
    DISCOUNT: 'Volume discount',
    MAINTENANCE: 'Maintenance',
    SETUP: 'Setup',
    CREDIT: 'Credit',
    UPGRADE: 'Upgrade',
  },
  cycles: { MONTHLY: 'months', QUARTERLY: 'quarters', ANNUALLY: 'years' },
  credited: { LICENSE: 'Credit for the license', MAINTENANCE: 'Credit for maintenance' },
  days: (left, of) => `${left} of ${of} days`,
  colon: ':',
  total: 'Total',
  paid: 'Paid',
  refunded: 'Refunded',
  amountDue: 'Amount due',
  credit: 'Credit',
  payments: 'Payments',
  payment: 'Payment',
  refund: 'Refund',
  further: (count) => `and ${count} more`,
  processors: { ...names, MANUAL: 'By transfer', BILLING: 'By payment service' },
  page: (page, pages) => `Page ${page} of ${pages}`,
  lacking: 'The font of this document lacks some characters of the names above; each is shown as \ufffd.',
};

const german: InvoiceWords = {
  invoice: 'Rechnung',
  purposes: { ORDER: 'Bestellung', RENEWAL: 'Verlängerung', UPGRADE: 'Upgrade' },
  date: 'Datum',
  due: 'Fällig',
  status: 'Stand',
  statuses: {
    PENDING: 'Offen',
    PAID: 'Bezahlt',
    PARTIAL: 'Teilweise bezahlt',
    FAILED: 'Zahlung fehlgeschlagen',
    REFUNDED: 'Erstattet',
  },
  voided: 'Storniert',
  billTo: 'Rechnung an',
  taxId: 'Steuernummer',
  description: 'Leistung',
  quantity: 'Menge',
  unitAmount: 'Einzelpreis',
  amount: 'Betrag',
  lines: {
    LICENSES: 'Lizenzen',
    DISCOUNT: 'Mengenrabatt',
    MAINTENANCE: 'Wartung',
    SETUP: 'Einrichtung',
    CREDIT: 'Gutschrift',
    UPGRADE: 'Upgrade',
  },
  cycles: { MONTHLY: 'Monate', QUARTERLY: 'Quartale', ANNUALLY: 'Jahre' },
  credited: { LICENSE: 'Gutschrift für die Lizenz', MAINTENANCE: 'Gutschrift für die Wartung' },
  days: (left, of) => `${left} von ${of} Tagen`,
  colon: ':',
  total: 'Gesamtbetrag',
  paid: 'Bezahlt',
  refunded: 'Erstattet',
  amountDue: 'Zu zahlen',
  credit: 'Guthaben',
  payments: 'Zahlungen',
  payment: 'Zahlung',
  refund: 'Erstattung',
  further: (count) => `und ${count} weitere`,
  processors: { ...names, MANUAL: 'Per Überweisung', BILLING: 'Per Zahlungsdienst' },
  page: (page, pages) => `Seite ${page} von ${pages}`,
  lacking: 'Der Schrift dieses Dokuments fehlen einige Zeichen der Namen oben; jedes steht als \ufffd da.',
};

const french: InvoiceWords = {
  invoice: 'Facture',
  purposes: { ORDER: 'Commande', RENEWAL: 'Renouvellement', UPGRADE: 'Mise à niveau' },
  date: 'Date',
  due: 'Échéance',
  status: 'État',
  statuses: {
    PENDING: 'À payer',
    PAID: 'Payée',
    PARTIAL: 'Payée en partie',
    FAILED: 'Paiement échoué',
    REFUNDED: 'Remboursée',
  },
  voided: 'Annulée',
  billTo: 'Facturé à',
  taxId: 'Numéro fiscal',
  description: 'Désignation',
  quantity: 'Quantité',
  unitAmount: 'Prix unitaire',
  amount: 'Montant',
  lines: {
    LICENSES: 'Licences',
    DISCOUNT: 'Remise sur quantité',
    MAINTENANCE: 'Maintenance',
    SETUP: 'Mise en service',
    CREDIT: 'Avoir',
    UPGRADE: 'Mise à niveau',
  },
  cycles: { MONTHLY: 'mois', QUARTERLY: 'trimestres', ANNUALLY: 'années' },
  credited: { LICENSE: 'Avoir sur la licence', MAINTENANCE: 'Avoir sur la maintenance' },
  days: (left, of) => `${left} jours sur ${of}`,
  colon: '\u00a0:',
  total: 'Total',
  paid: 'Payé',
  refunded: 'Remboursé',
  amountDue: 'Reste à payer',
  credit: 'Solde créditeur',
  payments: 'Paiements',
  payment: 'Paiement',
  refund: 'Remboursement',
  further: (count) => `et ${count} autres`,
  processors: { ...names, MANUAL: 'Par virement', BILLING: 'Par service de paiement' },
  page: (page, pages) => `Page ${page} sur ${pages}`,
  lacking:
    'Il manque à la police de ce document des caractères des noms ci-dessus ; chacun est remplacé par \ufffd.',
};

const spanish: InvoiceWords = {
  invoice: 'Factura',
  purposes: { ORDER: 'Pedido', RENEWAL: 'Renovación', UPGRADE: 'Mejora' },
  date: 'Fecha',
  due: 'Vencimiento',
  status: 'Estado',
  statuses: {
    PENDING: 'Pendiente',
    PAID: 'Pagada',
    PARTIAL: 'Pagada en parte',
    FAILED: 'Pago fallido',
    REFUNDED: 'Reembolsada',
  },
  voided: 'Anulada',
  billTo: 'Facturar a',
  taxId: 'NIF',
  description: 'Concepto',
  quantity: 'Cantidad',
  unitAmount: 'Precio unitario',
  amount: 'Importe',
  lines: {
    LICENSES: 'Licencias',
    DISCOUNT: 'Descuento por volumen',
    MAINTENANCE: 'Mantenimiento',
    SETUP: 'Puesta en marcha',
    CREDIT: 'Abono',
    UPGRADE: 'Mejora',
  },
  cycles: { MONTHLY: 'meses', QUARTERLY: 'trimestres', ANNUALLY: 'años' },
  credited: { LICENSE: 'Abono por la licencia', MAINTENANCE: 'Abono por el mantenimiento' },
  days: (left, of) => `${left} de ${of} días`,
  colon: ':',
  total: 'Total',
  paid: 'Pagado',
  refunded: 'Reembolsado',
  amountDue: 'Por pagar',
  credit: 'Saldo a favor',
  payments: 'Pagos',
  payment: 'Pago',
  refund: 'Reembolso',
  further: (count) => `y ${count} más`,
  processors: { ...names, MANUAL: 'Por transferencia', BILLING: 'Por servicio de pago' },
  page: (page, pages) => `Página ${page} de ${pages}`,
  lacking:
    'A la letra de este documento le faltan algunos caracteres de los nombres; cada uno aparece como \ufffd.',
};

export const invoiceWords: Readonly<Record<Language, InvoiceWords>> = {
  en: english,
  de: german,
  fr: french,
  es: spanish,
};
