import type { Lapse, Words } from '../words.js';

function lapses({ expires, hasExpired, graceEnds }: Lapse): string {
  const expiry = hasExpired
    ? `Die Lizenz ist am ${expires} abgelaufen`
    : `Ohne Verlängerung läuft sie am ${expires} ab`;
  return graceEnds === null
    ? `${expiry} und kann von da an nicht mehr verwendet werden.`
    : `${expiry}. Aktive Geräte arbeiten bis ${graceEnds} weiter; dann wird die Lizenz gesperrt.`;
}

export const german: Words = {
  greeting: (name) => `Guten Tag ${name},`,
  closing: 'Mit freundlichen Grüßen',
  labels: {
    activations: 'Aktivierungen',
    amount: 'Betrag',
    attempt: 'Versuch',
    autoRenewal: 'Verlängert sich von selbst',
    customer: 'Kunde',
    description: 'Befund',
    detected: 'Festgestellt',
    ended: 'Endet',
    expires: 'Läuft ab',
    failed: 'Versucht',
    features: 'Funktionen',
    fulfilled: 'Ausgeführt',
    graceEnds: 'Ende der Nachfrist',
    invoice: 'Rechnung',
    issued: 'Ausgestellt',
    issuedTo: 'Ausgestellt für',
    licenseKey: 'Lizenzschlüssel',
    licenseType: 'Lizenzart',
    licenses: 'Lizenzen',
    list: 'Liste',
    made: 'Erstellt',
    nextAttempt: 'Nächster Versuch',
    orderNumber: 'Bestellung',
    product: 'Produkt',
    quantity: 'Lizenzen',
    reason: 'Grund',
    refunded: 'Erstattet',
    refused: 'Abgelehnt',
    renewed: 'Verlängert',
    resolveBy: 'Zu beheben bis',
    revoked: 'Widerrufen',
    severity: 'Schwere',
    stopped: 'Angehalten',
    suspended: 'Gesperrt',
    total: 'Gesamtbetrag',
    trialEnds: 'Ende der Testphase',
    trialPeriod: 'Testphase',
    used: 'Verwendet',
    violation: 'Verstoß',
    waiting: 'Ausstehend',
  },
  yes: 'Ja',
  no: 'Nein',
  unlimited: 'unbegrenzt',
  never: 'nie',
  days: (count, written) => (count === 1 ? `${written} Tag` : `${written} Tage`),
  licenseTypes: {
    PERPETUAL: 'Unbefristet',
    SUBSCRIPTION: 'Abonnement',
    TRIAL: 'Testlizenz',
    EVALUATION: 'Evaluierung',
    CONCURRENT: 'Gleichzeitige Nutzung',
    NAMED_USER: 'Namentlicher Nutzer',
  },
  units: { COUNT: 'Anzahl', SIZE: 'Größe', DURATION: 'Dauer', BANDWIDTH: 'Bandbreite' },
  periods: { NONE: '', HOUR: 'je Stunde', DAY: 'je Tag', MONTH: 'je Monat', YEAR: 'je Jahr' },
  violations: {
    UNAUTHORIZED_USE: 'Unbefugte Nutzung',
    OVER_DEPLOYMENT: 'Zu viele Installationen',
    FEATURE_ABUSE: 'Missbrauch von Funktionen',
    TRANSFER_VIOLATION: 'Unerlaubte Übertragung',
    REVERSE_ENGINEERING: 'Reverse Engineering',
  },
  renewalFailures: {
    CARD_DECLINED: 'Die Karte wurde abgelehnt.',
    INSUFFICIENT_FUNDS: 'Das Konto war nicht gedeckt.',
    CARD_EXPIRED: 'Die Karte ist abgelaufen.',
    AUTHENTICATION_REQUIRED: 'Die Bank verlangt, dass Sie die Zahlung bestätigen.',
    NO_PAYMENT_METHOD: 'Es ist kein Zahlungsmittel hinterlegt.',
    PAYER_UNVERIFIED: 'Das Zahlungsmittel ist noch nicht bestätigt.',
    NO_PRICE: 'Für die Lizenz gibt es keinen Preis.',
    NOT_RENEWABLE: 'Die Lizenz kann so, wie sie ist, nicht verlängert werden.',
    TRANSFERRED: 'Die Lizenz gehört inzwischen jemand anderem.',
    OVERTAKEN: 'Die Lizenz wurde geändert oder anders verlängert. Das Gezahlte ist ein Guthaben.',
    PAID_IN_PART:
      'Die Rechnung ist erst zum Teil bezahlt. Verlängert wird die Lizenz, sobald alles bezahlt ist.',
    OTHER: 'Die Zahlung kam nicht zustande.',
  },
  attemptOf: (attempt, attempts) => `${attempt} von ${attempts}`,
  severities: { MINOR: 'gering', MAJOR: 'schwer', CRITICAL: 'kritisch' },
  support: 'Support',
  terms: 'Bedingungen',
  openPortal: 'Portal öffnen',
  activate: 'Lizenz aktivieren',
  renew: 'Lizenz verlängern',
  graceExpired: 'Die Nachfrist ist abgelaufen.',
  LICENSE_ISSUED: ({ product }) => ({
    subject: `Ihre Lizenz für ${product}`,
    heading: 'Ihre Lizenz',
    paragraphs: [`hier ist Ihre Lizenz für ${product}. Bitte bewahren Sie den Schlüssel sicher auf.`],
  }),
  TRIAL_ISSUED: ({ product, days }) => ({
    subject: `Ihre Testlizenz für ${product}`,
    heading: 'Ihre Testlizenz',
    paragraphs: [
      `hier ist Ihre Lizenz zum Testen von ${product}. Dauer der Testphase: ${days} ab der ersten Aktivierung.`,
    ],
  }),
  LICENSE_EXPIRING: ({ product, date, days, renewsItself }) => ({
    subject: `Ihre Lizenz für ${product} läuft ab (noch ${days})`,
    heading: 'Ihre Lizenz läuft bald ab',
    paragraphs: [
      `Ihre Lizenz für ${product} läuft am ${date} ab.`,
      renewsItself
        ? 'Sie verlängert sich von selbst; Sie müssen nichts tun.'
        : 'Bitte verlängern Sie sie rechtzeitig, damit Ihre Arbeit nicht unterbrochen wird.',
    ],
  }),
  LICENSE_SUSPENDED: ({ product, graceExpired }) => ({
    subject: `Ihre Lizenz für ${product} ist gesperrt`,
    heading: 'Ihre Lizenz ist gesperrt',
    paragraphs: [
      `Ihre Lizenz für ${product} ist gesperrt und kann zurzeit nicht verwendet werden.`,
      graceExpired
        ? 'Sie wurde nicht vor dem Ende der Nachfrist verlängert. Sobald sie verlängert ist, gilt sie wieder.'
        : 'Bitte wenden Sie sich an uns, um die Sperre aufheben zu lassen.',
    ],
  }),
  LICENSE_REVOKED: ({ product }) => ({
    subject: `Ihre Lizenz für ${product} ist widerrufen`,
    heading: 'Ihre Lizenz ist widerrufen',
    paragraphs: [
      `Ihre Lizenz für ${product} ist endgültig widerrufen: Sie kann auf keinem Gerät mehr verwendet werden.`,
      'Falls Sie das nicht erwartet haben, wenden Sie sich bitte an uns.',
    ],
  }),
  LICENSE_RENEWED: ({ product, until }) => ({
    subject: `Ihre Lizenz für ${product} ist verlängert`,
    heading: 'Ihre Lizenz ist verlängert',
    paragraphs: [
      until === null
        ? `Ihre Lizenz für ${product} ist verlängert. Vielen Dank; dies ist Ihr Zahlungsbeleg.`
        : `Ihre Lizenz für ${product} ist verlängert und läuft bis ${until}. Vielen Dank; dies ist Ihr Zahlungsbeleg.`,
    ],
  }),
  RENEWAL_FAILED: ({ product, customer, nextAttempt, lapse }) => ({
    subject: `Die Lizenz für ${product} konnte nicht verlängert werden`,
    heading: 'Die Verlängerung ist fehlgeschlagen',
    paragraphs: [
      `die Lizenz für ${product}, ausgestellt für ${customer}, konnte nicht verlängert werden.`,
      nextAttempt === null
        ? 'Es wird nicht noch einmal versucht. Bitte verlängern Sie die Lizenz selbst, oder wenden Sie sich an uns.'
        : `Bitte prüfen Sie das Zahlungsmittel. Nächster Versuch: ${nextAttempt}.`,
      ...(lapse === null ? [] : [lapses(lapse)]),
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `Lizenzverstoß festgestellt: ${violation} (${severity})`,
    heading: 'Ein Lizenzverstoß wurde festgestellt',
    paragraphs: ['ein Verstoß gegen Lizenzbedingungen wurde festgestellt und ist zu prüfen.'],
  }),
  ORDER_FULFILLED: ({ order, count, hasPortal, isRenewal }) => ({
    subject: `Ihre Bestellung ${order} ist ausgeführt`,
    heading: 'Ihre Bestellung ist ausgeführt',
    paragraphs: [
      `vielen Dank für Ihre Bestellung ${order}. ${isRenewal ? 'Ihre Lizenzen sind verlängert.' : 'Ihre Lizenzen stehen bereit.'}`,
      ...(count === null
        ? []
        : [
            hasPortal
              ? `Es sind ${count}; das Portal zeigt jede mit ihrem Schlüssel.`
              : `Es sind ${count}. Bitte fragen Sie uns nach ihren Schlüsseln.`,
          ]),
    ],
  }),
  ORDER_REFUNDED: ({ order }) => ({
    subject: `Ihre Bestellung ${order} wurde erstattet`,
    heading: 'Ihre Bestellung wurde erstattet',
    paragraphs: [
      `Ihre Bestellung ${order} wurde erstattet. Ihre Lizenzen daraus sind gesperrt und können zurzeit nicht verwendet werden.`,
      'Falls Sie das nicht erwartet haben, wenden Sie sich bitte an uns.',
    ],
  }),
  ORDER_STOPPED: ({ order, made, quantity }) => ({
    subject: `Bestellung ${order} angehalten: ${made} von ${quantity} Lizenzen erstellt`,
    heading: 'Die Bestellung wurde angehalten',
    paragraphs: [
      `die Lizenzen der Bestellung ${order} konnten nicht erstellt werden: ${made} von ${quantity} sind da. Es wurde zehnmal versucht und wird nicht noch einmal versucht.`,
      'Bitte stellen Sie fest, was im Weg steht, und führen Sie die Bestellung aus: Es geht mit den fehlenden weiter.',
    ],
  }),
  BULK_ISSUE_FAILED: ({ issued, waiting }) => ({
    subject: `Eine Liste von Lizenzen wurde angehalten: ${waiting} stehen noch aus`,
    heading: 'Die Liste wurde angehalten',
    paragraphs: [
      `eine Liste von Lizenzen konnte nicht vollständig ausgestellt werden: Ausgestellt sind ${issued}, es fehlen ${waiting}. Es wurde zehnmal versucht und wird nicht noch einmal versucht.`,
      'Bitte stellen Sie fest, was im Weg steht, und setzen Sie die Liste fort: Es geht mit den ausstehenden weiter.',
    ],
  }),
  EMERGENCY_CODE_USED: ({ product, customer, until }) => ({
    subject: `Ein Notfallcode für ${product} wurde verwendet`,
    heading: 'Ein Notfallcode wurde verwendet',
    paragraphs: [
      `mit einem Notfallcode wurde ein Gerät aktiviert, auf der Lizenz für ${product}, ausgestellt für ${customer}. Die Aktivierung endet von selbst: ${until}.`,
      'Falls Sie das nicht erwartet haben, melden Sie sich bitte sofort.',
    ],
  }),
};
