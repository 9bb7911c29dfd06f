import type { Lapse, Words } from '../words.js';

function lapses({ expires, hasExpired, graceEnds }: Lapse): string {
  const expiry = hasExpired ? `La licencia venció el ${expires}` : `Sin renovación vence el ${expires}`;
  return graceEnds === null
    ? `${expiry} y no podrá usarse desde entonces.`
    : `${expiry}. Los dispositivos activos funcionan hasta el ${graceEnds}; después se suspende la licencia.`;
}

export const spanish: Words = {
  greeting: (name) => `Hola, ${name}:`,
  closing: 'Saludos cordiales,',
  labels: {
    activations: 'Activaciones',
    amount: 'Importe',
    attempt: 'Intento n.º',
    autoRenewal: 'Renovación automática',
    customer: 'Cliente',
    description: 'Hallazgo',
    detected: 'Detectada',
    ended: 'Termina',
    expires: 'Vence',
    failed: 'Intento',
    features: 'Funciones',
    fulfilled: 'Completado',
    graceEnds: 'Fin del período de gracia',
    invoice: 'Factura',
    issued: 'Emitida',
    issuedTo: 'Emitida a',
    licenseKey: 'Clave de licencia',
    licenseType: 'Tipo de licencia',
    licenses: 'Licencias',
    list: 'Lista',
    made: 'Creadas',
    nextAttempt: 'Próximo intento',
    orderNumber: 'Pedido',
    product: 'Producto',
    quantity: 'Licencias',
    reason: 'Motivo',
    refunded: 'Reembolsado',
    refused: 'Rechazadas',
    renewed: 'Renovada',
    resolveBy: 'Resolver antes del',
    revoked: 'Revocada',
    severity: 'Gravedad',
    stopped: 'Detenido',
    suspended: 'Suspendida',
    total: 'Total',
    trialEnds: 'Fin de la prueba',
    trialPeriod: 'Período de prueba',
    used: 'Usado',
    violation: 'Infracción',
    waiting: 'Pendientes',
  },
  yes: 'Sí',
  no: 'No',
  unlimited: 'ilimitado',
  never: 'nunca',
  days: (count, written) => (count === 1 ? `${written} día` : `${written} días`),
  licenseTypes: {
    PERPETUAL: 'Perpetua',
    SUBSCRIPTION: 'Suscripción',
    TRIAL: 'Prueba',
    EVALUATION: 'Evaluación',
    CONCURRENT: 'Uso simultáneo',
    NAMED_USER: 'Usuario designado',
  },
  units: { COUNT: 'cantidad', SIZE: 'tamaño', DURATION: 'duración', BANDWIDTH: 'ancho de banda' },
  periods: { NONE: '', HOUR: 'por hora', DAY: 'por día', MONTH: 'por mes', YEAR: 'por año' },
  violations: {
    UNAUTHORIZED_USE: 'Uso no autorizado',
    OVER_DEPLOYMENT: 'Exceso de instalaciones',
    FEATURE_ABUSE: 'Abuso de funciones',
    TRANSFER_VIOLATION: 'Transferencia no permitida',
    REVERSE_ENGINEERING: 'Ingeniería inversa',
  },
  renewalFailures: {
    CARD_DECLINED: 'La tarjeta fue rechazada.',
    INSUFFICIENT_FUNDS: 'No había fondos suficientes.',
    CARD_EXPIRED: 'La tarjeta ha caducado.',
    AUTHENTICATION_REQUIRED: 'El banco le pide que confirme el pago.',
    NO_PAYMENT_METHOD: 'No hay ningún medio de pago registrado.',
    PAYER_UNVERIFIED: 'El medio de pago aún no está verificado.',
    NO_PRICE: 'La licencia no tiene precio.',
    NOT_RENEWABLE: 'La licencia no puede renovarse en su estado actual.',
    TRANSFERRED: 'La licencia pertenece ahora a otra persona.',
    OVERTAKEN: 'La licencia cambió o se renovó de otro modo. Lo pagado es un saldo a favor.',
    PAID_IN_PART:
      'Solo se ha pagado una parte de la factura. La licencia se renovará cuando esté pagada por completo.',
    OTHER: 'El pago no se realizó.',
  },
  attemptOf: (attempt, attempts) => `${attempt} de ${attempts}`,
  severities: { MINOR: 'leve', MAJOR: 'grave', CRITICAL: 'crítica' },
  support: 'Asistencia',
  terms: 'Condiciones',
  openPortal: 'Abrir el portal',
  activate: 'Activar la licencia',
  renew: 'Renovar la licencia',
  graceExpired: 'El período de gracia ha terminado.',
  LICENSE_ISSUED: ({ product }) => ({
    subject: `Su licencia de ${product}`,
    heading: 'Su licencia',
    paragraphs: [`Esta es su licencia de ${product}. Guarde la clave en un lugar seguro.`],
  }),
  TRIAL_ISSUED: ({ product, days }) => ({
    subject: `Su prueba de ${product}`,
    heading: 'Su prueba',
    paragraphs: [
      `Esta es su licencia para probar ${product}. La prueba dura ${days} y comienza con la primera activación.`,
    ],
  }),
  LICENSE_EXPIRING: ({ product, date, days, renewsItself }) => ({
    subject: `Su licencia de ${product} vence en ${days}`,
    heading: 'Su licencia vence pronto',
    paragraphs: [
      `Su licencia de ${product} vence el ${date}.`,
      renewsItself
        ? 'Se renueva por sí sola; no tiene que hacer nada.'
        : 'Renuévela a tiempo para que su trabajo no se interrumpa.',
    ],
  }),
  LICENSE_SUSPENDED: ({ product, graceExpired }) => ({
    subject: `Su licencia de ${product} está suspendida`,
    heading: 'Su licencia está suspendida',
    paragraphs: [
      `Su licencia de ${product} está suspendida y por ahora no puede usarse.`,
      graceExpired
        ? 'No se renovó antes de que terminara el período de gracia. En cuanto se renueve, volverá a ser válida.'
        : 'Póngase en contacto con nosotros para restablecerla.',
    ],
  }),
  LICENSE_REVOKED: ({ product }) => ({
    subject: `Su licencia de ${product} está revocada`,
    heading: 'Su licencia está revocada',
    paragraphs: [
      `Su licencia de ${product} está revocada definitivamente: ya no puede usarse en ningún dispositivo.`,
      'Si no lo esperaba, póngase en contacto con nosotros.',
    ],
  }),
  LICENSE_RENEWED: ({ product, until }) => ({
    subject: `Su licencia de ${product} está renovada`,
    heading: 'Su licencia está renovada',
    paragraphs: [
      until === null
        ? `Su licencia de ${product} está renovada. Gracias; este es su recibo.`
        : `Su licencia de ${product} está renovada hasta el ${until}. Gracias; este es su recibo.`,
    ],
  }),
  RENEWAL_FAILED: ({ product, customer, nextAttempt, lapse }) => ({
    subject: `No se pudo renovar la licencia de ${product}`,
    heading: 'La renovación ha fallado',
    paragraphs: [
      `No se pudo renovar la licencia de ${product}, emitida a ${customer}.`,
      nextAttempt === null
        ? 'No se intentará de nuevo. Renueve la licencia usted mismo o póngase en contacto con nosotros.'
        : `Revise el medio de pago. Próximo intento: ${nextAttempt}.`,
      ...(lapse === null ? [] : [lapses(lapse)]),
    ],
  }),
  VIOLATION_DETECTED: ({ violation, severity }) => ({
    subject: `Infracción de licencia detectada: ${violation} (${severity})`,
    heading: 'Se ha detectado una infracción de licencia',
    paragraphs: ['Se ha detectado una infracción de las condiciones de licencia, que debe revisarse.'],
  }),
  ORDER_FULFILLED: ({ order, count, hasPortal, isRenewal }) => ({
    subject: `Su pedido ${order} está completado`,
    heading: 'Su pedido está completado',
    paragraphs: [
      `Gracias por su pedido ${order}. ${isRenewal ? 'Sus licencias están renovadas.' : 'Sus licencias están listas.'}`,
      ...(count === null
        ? []
        : [
            hasPortal
              ? `Son ${count}; el portal muestra cada una con su clave.`
              : `Son ${count}. Pídanos sus claves.`,
          ]),
    ],
  }),
  ORDER_REFUNDED: ({ order }) => ({
    subject: `Su pedido ${order} se ha reembolsado`,
    heading: 'Su pedido se ha reembolsado',
    paragraphs: [
      `Su pedido ${order} se ha reembolsado. Sus licencias están suspendidas y por ahora no pueden usarse.`,
      'Si no lo esperaba, póngase en contacto con nosotros.',
    ],
  }),
  ORDER_STOPPED: ({ order, made, quantity }) => ({
    subject: `Pedido ${order} detenido: ${made} de ${quantity} licencias creadas`,
    heading: 'El pedido se ha detenido',
    paragraphs: [
      `No se han podido crear las licencias del pedido ${order}: hay ${made} de ${quantity}. Tras diez intentos no se vuelve a intentar.`,
      'Averigüe la causa y complete el pedido: continúa con las licencias que faltan.',
    ],
  }),
  BULK_ISSUE_FAILED: ({ issued, waiting }) => ({
    subject: `Una lista de licencias se ha detenido: ${waiting} siguen pendientes`,
    heading: 'La lista se ha detenido',
    paragraphs: [
      `No se ha podido emitir una lista de licencias por completo: ${issued} están emitidas y ${waiting} pendientes. Tras diez intentos no se vuelve a intentar.`,
      'Averigüe la causa y reanude la lista: continúa con las licencias pendientes.',
    ],
  }),
  EMERGENCY_CODE_USED: ({ product, customer, until }) => ({
    subject: `Se ha usado un código de emergencia de ${product}`,
    heading: 'Se ha usado un código de emergencia',
    paragraphs: [
      `Se ha activado un dispositivo con un código de emergencia, en la licencia de ${product} emitida a ${customer}. Esa activación termina por sí sola el ${until}.`,
      'Si no lo esperaba, póngase en contacto de inmediato.',
    ],
  }),
};
