import type { Content, TableCell, TDocumentDefinitions } from 'pdfmake/interfaces.js';
import type { Language } from '../../access/model/settings.js';
import { type Amount, isZero, negated } from '../../core/money.js';
import type { PriceLine } from '../model/price.js';
import { amountDueOf, creditOf } from '../model/standing.js';
import type { Invoice, Payment } from '../table.js';
import { type InvoiceFormat, invoiceFormat } from './format.js';
import { printable } from './glyphs.js';
import { lineText } from './lines.js';
import { type InvoiceWords, invoiceWords } from './words.js';

/** What is printed of an invoice, and for whom. */
export interface InvoiceSheet {
  readonly invoice: Invoice;
  /** What is settled of it, the oldest first. */
  readonly payments: readonly Payment[];
  /** How many more there are than those. */
  readonly furtherPayments: number;
  readonly language: Language;
  readonly timeZone: string;
  readonly color: string;
}

/** A word that no line holds is broken anywhere: names have no length that they keep to. */
const LONG_WORD = /\S{28}/;

/** Takes texts in, and knows whether the fonts lacked anything of them. */
class Script {
  isWhole = true;

  readonly text = (text: string): string => {
    const shown = printable(text);
    this.isWhole &&= shown.isWhole;
    return shown.text;
  };

  readonly block = (text: string, style?: object): Content => ({
    text: text.split(/\r?\n/).map(this.text).join('\n'),
    ...(LONG_WORD.test(text) ? { wordBreak: 'break-all' as const } : {}),
    ...style,
  });
}

interface Page {
  readonly sheet: InvoiceSheet;
  readonly words: InvoiceWords;
  readonly format: InvoiceFormat;
  readonly script: Script;
}

const RIGHT = { alignment: 'right' } as const;
const QUIET = { color: '#555555', fontSize: 9 } as const;

/** Thin lines between the rows, none beside them. */
const RULED = {
  hLineWidth: () => 0.5,
  vLineWidth: () => 0,
  hLineColor: () => '#bbbbbb',
  paddingTop: () => 4,
  paddingBottom: () => 4,
} as const;

/** What stands below a name. */
function details(
  address: string | null | undefined,
  taxId: string | null | undefined,
  { words, script }: Page,
): Content[] {
  return [address, taxId && `${words.taxId}: ${taxId}`].flatMap((text) =>
    text ? [script.block(text, QUIET)] : [],
  );
}

function head(page: Page): Content {
  const { sheet, words, script } = page;
  const { invoice, color } = sheet;
  const { name, address, taxId } = invoice.seller;
  return {
    columns: [
      {
        width: '*',
        stack: [script.block(name, { fontSize: 16, bold: true, color }), ...details(address, taxId, page)],
      },
      {
        width: 210,
        stack: [
          { text: words.invoice, fontSize: 16, bold: true, ...RIGHT },
          { text: invoice.number, fontSize: 12, ...RIGHT },
        ],
      },
    ],
    columnGap: 20,
    margin: [0, 0, 0, 24],
  };
}

function facts(page: Page): Content {
  const { sheet, words, format, script } = page;
  const { invoice } = sheet;
  const state = invoice.voidedAt === null ? words.statuses[invoice.paymentStatus] : words.voided;
  const rows = [
    [words.date, format.date(invoice.createdAt)],
    ...(invoice.dueAt === null ? [] : [[words.due, format.date(invoice.dueAt)]]),
    [words.status, state],
  ];
  const body: TableCell[][] = rows.map(([name = '', value = '']) => [
    { text: name, ...QUIET },
    { text: script.text(value), ...RIGHT },
  ]);
  return {
    columns: [
      {
        width: '*',
        stack: [
          { text: words.billTo, ...QUIET },
          script.block(invoice.billTo, { fontSize: 11 }),
          ...details(invoice.billToAddress, invoice.billToTaxId, page),
        ],
      },
      { width: 210, table: { widths: ['auto', '*'], body }, layout: 'noBorders' },
    ],
    columnGap: 20,
    margin: [0, 0, 0, 20],
  };
}

/** Of a line without details stands first what it is for, where its own words are in another language. */
function described({ sheet, words, format, script }: Page, line: PriceLine): Content {
  const text = lineText(line, words, format);
  if (text !== undefined) return script.block(text);
  const { kind, description } = line;
  if (kind === 'TAX' || sheet.language === 'en') return script.block(description);
  return { stack: [{ text: words.lines[kind] }, script.block(description, QUIET)] };
}

function lines(page: Page): Content {
  const { sheet, words, format, script } = page;
  const amount = (value: Amount): TableCell => ({
    text: script.text(format.amount(value)),
    ...RIGHT,
    noWrap: true,
  });
  const title = (text: string, style = {}): TableCell => ({ text, bold: true, ...style });
  return {
    table: {
      headerRows: 1,
      dontBreakRows: true,
      widths: ['*', 'auto', 'auto', 'auto'],
      body: [
        [
          title(words.description),
          title(words.quantity, RIGHT),
          title(words.unitAmount, RIGHT),
          title(words.amount, RIGHT),
        ],
        ...sheet.invoice.lines.map((line): TableCell[] => [
          described(page, line) as TableCell,
          { text: script.text(format.quantity(line.quantity)), ...RIGHT },
          amount(line.unitAmount),
          amount(line.amount),
        ]),
      ],
    },
    layout: RULED,
    margin: [0, 0, 0, 14],
  };
}

function sums({ sheet: { invoice }, words, format, script }: Page): Content {
  const due = amountDueOf(invoice);
  const credit = creditOf(invoice);
  const rows: readonly (readonly [string, Amount, boolean])[] = [
    [words.total, invoice.total, true],
    [words.paid, invoice.amountPaid, !isZero(invoice.amountPaid)],
    [words.refunded, invoice.amountRefunded, !isZero(invoice.amountRefunded)],
    [words.amountDue, due, true],
    [words.credit, credit, !isZero(credit)],
  ];
  const body = rows
    .filter(([, , isShown]) => isShown)
    .map(([name, value], index): TableCell[] => [
      { text: name, bold: index === 0 },
      { text: script.text(format.amount(value)), bold: index === 0, ...RIGHT, noWrap: true },
    ]);
  return {
    columns: [
      { width: '*', text: '' },
      { width: 'auto', table: { widths: ['auto', 'auto'], body }, layout: RULED },
    ],
    margin: [0, 0, 0, 20],
  };
}

const signed = ({ kind, amount }: Payment): Amount => (kind === 'REFUND' ? negated(amount) : amount);

function paid({ sheet, words, format, script }: Page): Content[] {
  const { payments, furtherPayments } = sheet;
  if (payments.length === 0) return [];
  const body = payments.map((payment): TableCell[] => [
    { text: script.text(format.date(payment.receivedAt)) },
    { text: payment.kind === 'REFUND' ? words.refund : words.payment },
    script.block(
      [words.processors[payment.processor], payment.reference].filter((part) => part !== null).join(', '),
      QUIET,
    ) as TableCell,
    { text: script.text(format.amount(signed(payment))), ...RIGHT, noWrap: true },
  ]);
  return [
    { text: words.payments, bold: true, margin: [0, 0, 0, 4] },
    { table: { dontBreakRows: true, widths: ['auto', 'auto', '*', 'auto'], body }, layout: RULED },
    ...(furtherPayments > 0 ? [{ text: words.further(furtherPayments), ...QUIET }] : []),
  ];
}

/** The invoice as it is laid out; of the same facts it is the same to the byte. */
export function invoiceLayout(sheet: InvoiceSheet): TDocumentDefinitions {
  const { invoice, language, timeZone } = sheet;
  const words = invoiceWords[language];
  const script = new Script();
  const format = invoiceFormat(language, timeZone, invoice.currency);
  const page: Page = { sheet, words, format, script };
  const content = [head(page), facts(page), lines(page), sums(page), ...paid(page)];
  const made = new Date(invoice.createdAt);
  return {
    version: '1.7',
    language,
    displayTitle: true,
    info: {
      title: `${words.invoice} ${invoice.number}`,
      author: invoice.seller.name,
      creationDate: made,
      modDate: made,
    },
    pageSize: 'A4',
    pageMargins: [50, 50, 50, 60],
    defaultStyle: { font: 'Roboto', fontSize: 10, lineHeight: 1.15 },
    content: [
      ...content,
      ...(script.isWhole
        ? []
        : [{ text: words.lacking, ...QUIET, margin: [0, 20, 0, 0] as [number, number, number, number] }]),
    ],
    footer: (current, pages) => ({
      text: `${invoice.number} · ${words.page(current, pages)}`,
      ...QUIET,
      ...RIGHT,
      margin: [50, 10, 50, 0],
    }),
    ...(invoice.voidedAt === null
      ? {}
      : { watermark: { text: words.voided, color: '#bb0000', opacity: 0.15, bold: true } }),
  };
}
