import type { Words } from '../words.js';

export const german: Words = {
  greeting: (name) => `Guten Tag ${name},`,
  closing: 'Mit freundlichen Grüßen',
  labels: {
    activations: 'Aktivierungen',
    amount: 'Betrag',
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
    issued: 'Ausgestellt',
    issuedTo: 'Ausgestellt für',
    licenseKey: 'Lizenzschlüssel',
    licenseType: 'Lizenzart',
    nextAttempt: 'Nächster Versuch',
    orderNumber: 'Bestellung',
    product: 'Produkt',
    quantity: 'Lizenzen',
    reason: 'Grund',
    resolveBy: 'Zu beheben bis',
    severity: 'Schwere',
    suspended: 'Gesperrt',
    total: 'Gesamtbetrag',
    trialEnds: 'Ende der Testphase',
    trialPeriod: 'Testphase',
    used: 'Verwendet',
    violation: 'Verstoß',
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
  RENEWAL_FAILED: ({ product, customer }) => ({
    subject: `Die Lizenz für ${product} konnte nicht verlängert werden`,
    heading: 'Die Verlängerung ist fehlgeschlagen',
    paragraphs: [
      `die Lizenz für ${product}, ausgestellt für ${customer}, konnte nicht verlängert werden.`,
      'Bitte prüfen Sie das Zahlungsmittel.',
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `Lizenzverstoß festgestellt: ${violation} (${severity})`,
    heading: 'Ein Lizenzverstoß wurde festgestellt',
    paragraphs: ['ein Verstoß gegen Lizenzbedingungen wurde festgestellt und ist zu prüfen.'],
  }),
  ORDER_FULFILLED: ({ order }) => ({
    subject: `Ihre Bestellung ${order} ist ausgeführt`,
    heading: 'Ihre Bestellung ist ausgeführt',
    paragraphs: [`vielen Dank für Ihre Bestellung ${order}. Ihre Lizenzen stehen bereit.`],
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
