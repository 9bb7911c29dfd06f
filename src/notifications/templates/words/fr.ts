import type { Lapse, Words } from '../words.js';

function lapses({ expires, hasExpired, graceEnds }: Lapse): string {
  const expiry = hasExpired
    ? `La licence a expiré le ${expires}`
    : `Sans renouvellement, elle expirera le ${expires}`;
  return graceEnds === null
    ? `${expiry} et ne pourra plus être utilisée.`
    : `${expiry}. Les appareils actifs fonctionnent jusqu'au ${graceEnds} ; la licence est ensuite suspendue.`;
}

export const french: Words = {
  greeting: (name) => `Bonjour ${name},`,
  closing: 'Cordialement,',
  labels: {
    activations: 'Activations',
    amount: 'Montant',
    attempt: 'Tentative',
    autoRenewal: 'Renouvellement automatique',
    customer: 'Client',
    description: 'Constat',
    detected: 'Constatée le',
    ended: 'Prend fin le',
    expires: 'Expire le',
    failed: 'Tentative du',
    features: 'Fonctionnalités',
    fulfilled: 'Exécutée le',
    graceEnds: 'Fin du délai de grâce',
    invoice: 'Facture',
    issued: 'Émise le',
    issuedTo: 'Émise pour',
    licenseKey: 'Clé de licence',
    licenseType: 'Type de licence',
    licenses: 'Licences',
    list: 'Liste',
    made: 'Créées',
    nextAttempt: 'Prochaine tentative',
    orderNumber: 'Commande',
    product: 'Produit',
    quantity: 'Licences',
    reason: 'Motif',
    refunded: 'Remboursée le',
    refused: 'Refusées',
    renewed: 'Renouvelée le',
    resolveBy: 'À régler avant le',
    revoked: 'Révoquée le',
    severity: 'Gravité',
    stopped: 'Arrêtée le',
    suspended: 'Suspendue le',
    total: 'Total',
    trialEnds: "Fin de l'essai",
    trialPeriod: "Période d'essai",
    used: 'Utilisé le',
    violation: 'Infraction',
    waiting: 'En attente',
  },
  yes: 'Oui',
  no: 'Non',
  unlimited: 'illimité',
  never: 'jamais',
  days: (count, written) => (count < 2 ? `${written} jour` : `${written} jours`),
  licenseTypes: {
    PERPETUAL: 'Perpétuelle',
    SUBSCRIPTION: 'Abonnement',
    TRIAL: 'Essai',
    EVALUATION: 'Évaluation',
    CONCURRENT: 'Utilisation simultanée',
    NAMED_USER: 'Utilisateur nommé',
  },
  units: { COUNT: 'nombre', SIZE: 'taille', DURATION: 'durée', BANDWIDTH: 'bande passante' },
  periods: { NONE: '', HOUR: 'par heure', DAY: 'par jour', MONTH: 'par mois', YEAR: 'par an' },
  violations: {
    UNAUTHORIZED_USE: 'Utilisation non autorisée',
    OVER_DEPLOYMENT: "Trop d'installations",
    FEATURE_ABUSE: 'Abus de fonctionnalités',
    TRANSFER_VIOLATION: 'Transfert interdit',
    REVERSE_ENGINEERING: 'Rétro-ingénierie',
  },
  renewalFailures: {
    CARD_DECLINED: 'La carte a été refusée.',
    INSUFFICIENT_FUNDS: 'La provision était insuffisante.',
    CARD_EXPIRED: 'La carte a expiré.',
    AUTHENTICATION_REQUIRED: 'La banque vous demande de confirmer le paiement.',
    NO_PAYMENT_METHOD: "Aucun moyen de paiement n'est enregistré.",
    PAYER_UNVERIFIED: "Le moyen de paiement n'est pas encore vérifié.",
    NO_PRICE: "La licence n'a pas de prix.",
    NOT_RENEWABLE: "La licence ne peut pas être renouvelée en l'état.",
    TRANSFERRED: "La licence appartient désormais à quelqu'un d'autre.",
    OVERTAKEN: 'La licence a été modifiée ou renouvelée autrement. Le montant payé est un avoir.',
    PAID_IN_PART:
      'Seule une partie de la facture est payée. La licence sera renouvelée une fois le tout réglé.',
    OTHER: "Le paiement n'a pas abouti.",
  },
  attemptOf: (attempt, attempts) => `${attempt} sur ${attempts}`,
  severities: { MINOR: 'mineure', MAJOR: 'majeure', CRITICAL: 'critique' },
  support: 'Assistance',
  terms: 'Conditions',
  openPortal: 'Ouvrir le portail',
  activate: 'Activer votre licence',
  renew: 'Renouveler la licence',
  graceExpired: 'Le délai de grâce est écoulé.',
  LICENSE_ISSUED: ({ product }) => ({
    subject: `Votre licence pour ${product}`,
    heading: 'Votre licence',
    paragraphs: [`Voici votre licence pour ${product}. Veuillez conserver la clé en lieu sûr.`],
  }),
  TRIAL_ISSUED: ({ product, days }) => ({
    subject: `Votre essai de ${product}`,
    heading: 'Votre essai',
    paragraphs: [
      `Voici votre licence pour essayer ${product}. L'essai dure ${days} et commence à la première activation.`,
    ],
  }),
  LICENSE_EXPIRING: ({ product, date, days, renewsItself }) => ({
    subject: `Votre licence pour ${product} expire dans ${days}`,
    heading: 'Votre licence expire bientôt',
    paragraphs: [
      `Votre licence pour ${product} expire le ${date}.`,
      renewsItself
        ? "Elle se renouvelle d'elle-même ; vous n'avez rien à faire."
        : 'Veuillez la renouveler à temps, afin que votre travail ne soit pas interrompu.',
    ],
  }),
  LICENSE_SUSPENDED: ({ product, graceExpired }) => ({
    subject: `Votre licence pour ${product} est suspendue`,
    heading: 'Votre licence est suspendue',
    paragraphs: [
      `Votre licence pour ${product} est suspendue et ne peut pas être utilisée pour le moment.`,
      graceExpired
        ? "Elle n'a pas été renouvelée avant la fin du délai de grâce. Dès son renouvellement, elle sera de nouveau valable."
        : 'Veuillez nous contacter pour la faire rétablir.',
    ],
  }),
  LICENSE_REVOKED: ({ product }) => ({
    subject: `Votre licence pour ${product} est révoquée`,
    heading: 'Votre licence est révoquée',
    paragraphs: [
      `Votre licence pour ${product} est révoquée définitivement : elle ne peut plus être utilisée, sur aucun appareil.`,
      'Si vous ne vous y attendiez pas, veuillez nous contacter.',
    ],
  }),
  LICENSE_RENEWED: ({ product, until }) => ({
    subject: `Votre licence pour ${product} est renouvelée`,
    heading: 'Votre licence est renouvelée',
    paragraphs: [
      until === null
        ? `Votre licence pour ${product} est renouvelée. Merci ; voici votre reçu.`
        : `Votre licence pour ${product} est renouvelée jusqu'au ${until}. Merci ; voici votre reçu.`,
    ],
  }),
  RENEWAL_FAILED: ({ product, customer, nextAttempt, lapse }) => ({
    subject: `La licence pour ${product} n'a pas pu être renouvelée`,
    heading: 'Le renouvellement a échoué',
    paragraphs: [
      `La licence pour ${product}, émise pour ${customer}, n'a pas pu être renouvelée.`,
      nextAttempt === null
        ? "Il n'y aura pas de nouvelle tentative. Veuillez renouveler la licence vous-même ou nous contacter."
        : `Veuillez vérifier le moyen de paiement. Prochaine tentative : ${nextAttempt}.`,
      ...(lapse === null ? [] : [lapses(lapse)]),
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `Infraction de licence constatée : ${violation} (${severity})`,
    heading: 'Une infraction de licence a été constatée',
    paragraphs: ['Une infraction aux conditions de licence a été constatée et doit être examinée.'],
  }),
  ORDER_FULFILLED: ({ order, count, hasPortal, isRenewal }) => ({
    subject: `Votre commande ${order} est exécutée`,
    heading: 'Votre commande est exécutée',
    paragraphs: [
      `Merci pour votre commande ${order}. ${isRenewal ? 'Vos licences sont renouvelées.' : 'Vos licences sont prêtes.'}`,
      ...(count === null
        ? []
        : [
            hasPortal
              ? `Il y en a ${count} ; le portail montre chacune avec sa clé.`
              : `Il y en a ${count}. Veuillez nous demander leurs clés.`,
          ]),
    ],
  }),
  ORDER_REFUNDED: ({ order }) => ({
    subject: `Votre commande ${order} a été remboursée`,
    heading: 'Votre commande a été remboursée',
    paragraphs: [
      `Votre commande ${order} a été remboursée. Les licences qui en sont issues sont suspendues et ne peuvent pas être utilisées pour le moment.`,
      'Si vous ne vous y attendiez pas, veuillez nous contacter.',
    ],
  }),
  ORDER_STOPPED: ({ order, made, quantity }) => ({
    subject: `Commande ${order} arrêtée : ${made} licences sur ${quantity} sont créées`,
    heading: 'La commande est arrêtée',
    paragraphs: [
      `Les licences de la commande ${order} n'ont pas pu être créées : il y en a ${made} sur ${quantity}. Après dix tentatives, il n'y en aura pas d'autre.`,
      'Veuillez rechercher la cause, puis exécuter la commande : elle reprend avec les licences manquantes.',
    ],
  }),
  BULK_ISSUE_FAILED: ({ issued, waiting }) => ({
    subject: `Une liste de licences est arrêtée : ${waiting} restent en attente`,
    heading: 'La liste est arrêtée',
    paragraphs: [
      `Une liste de licences n'a pas pu être émise en entier : ${issued} sont émises et ${waiting} en attente. Après dix tentatives, il n'y en aura pas d'autre.`,
      'Veuillez rechercher la cause, puis relancer la liste : elle reprend avec les licences en attente.',
    ],
  }),
  EMERGENCY_CODE_USED: ({ product, customer, until }) => ({
    subject: `Un code d'urgence a été utilisé pour ${product}`,
    heading: "Un code d'urgence a été utilisé",
    paragraphs: [
      `Un appareil a été activé avec un code d'urgence, sur la licence pour ${product} émise pour ${customer}. Cette activation prend fin d'elle-même le ${until}.`,
      'Si vous ne vous y attendiez pas, veuillez nous contacter sans attendre.',
    ],
  }),
};
