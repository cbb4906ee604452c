const en = {
  open: "Open chat", close: "Close chat", message: "Your message", send: "Send", stop: "Stop", you: "You", sources: "Sources",
  source: "Source {n}", page: "page {n}", good: "Helpful", poor: "Not helpful", thanks: "Thank you.", again: "New conversation",
  waiting: "Answering …", offline: "No connection. Check it and try again.", failed: "That did not work. Try again.",
  retry: "Try again", person: "Talk to a person", contact: "Leave your contact details", name: "Name", email: "Email address",
  note: "Message", submit: "Send", cancel: "Cancel", sent: "Thank you. You will hear from us by mail.",
  powered: "Powered by {n}", identity: "Sign in on this site to use the chat.",
};

export type Texts = typeof en;

const LANGUAGES: Record<string, Texts> = {
  en,
  de: {
    open: "Chat öffnen", close: "Chat schließen", message: "Ihre Nachricht", send: "Senden", stop: "Anhalten", you: "Sie", sources: "Quellen",
    source: "Quelle {n}", page: "Seite {n}", good: "Hilfreich", poor: "Nicht hilfreich", thanks: "Danke.", again: "Neues Gespräch",
    waiting: "Antwortet …", offline: "Keine Verbindung. Prüfen Sie sie und versuchen Sie es erneut.", failed: "Das hat nicht geklappt. Versuchen Sie es erneut.",
    retry: "Erneut versuchen", person: "Mit einem Menschen sprechen", contact: "Kontaktdaten hinterlassen", name: "Name", email: "E-Mail-Adresse",
    note: "Nachricht", submit: "Senden", cancel: "Abbrechen", sent: "Danke. Sie hören per E-Mail von uns.",
    powered: "Bereitgestellt mit {n}", identity: "Melden Sie sich auf dieser Seite an, um den Chat zu nutzen.",
  },
  fr: {
    open: "Ouvrir le chat", close: "Fermer le chat", message: "Votre message", send: "Envoyer", stop: "Arrêter", you: "Vous", sources: "Sources",
    source: "Source {n}", page: "page {n}", good: "Utile", poor: "Pas utile", thanks: "Merci.", again: "Nouvelle conversation",
    waiting: "Réponse en cours …", offline: "Pas de connexion. Vérifiez-la et réessayez.", failed: "Cela n’a pas fonctionné. Réessayez.",
    retry: "Réessayer", person: "Parler à une personne", contact: "Laisser vos coordonnées", name: "Nom", email: "Adresse e-mail",
    note: "Message", submit: "Envoyer", cancel: "Annuler", sent: "Merci. Nous vous répondrons par e-mail.",
    powered: "Fourni par {n}", identity: "Connectez-vous à ce site pour utiliser le chat.",
  },
  es: {
    open: "Abrir el chat", close: "Cerrar el chat", message: "Su mensaje", send: "Enviar", stop: "Detener", you: "Usted", sources: "Fuentes",
    source: "Fuente {n}", page: "página {n}", good: "Útil", poor: "No es útil", thanks: "Gracias.", again: "Nueva conversación",
    waiting: "Respondiendo …", offline: "Sin conexión. Compruébela e inténtelo de nuevo.", failed: "No ha funcionado. Inténtelo de nuevo.",
    retry: "Intentar de nuevo", person: "Hablar con una persona", contact: "Dejar sus datos de contacto", name: "Nombre", email: "Correo electrónico",
    note: "Mensaje", submit: "Enviar", cancel: "Cancelar", sent: "Gracias. Le responderemos por correo.",
    powered: "Con la tecnología de {n}", identity: "Inicie sesión en este sitio para usar el chat.",
  },
  ar: {
    open: "فتح الدردشة", close: "إغلاق الدردشة", message: "رسالتك", send: "إرسال", stop: "إيقاف", you: "أنت", sources: "المصادر",
    source: "المصدر {n}", page: "صفحة {n}", good: "مفيد", poor: "غير مفيد", thanks: "شكرًا.", again: "محادثة جديدة",
    waiting: "جارٍ الرد …", offline: "لا يوجد اتصال. تحقق منه وحاول مرة أخرى.", failed: "لم ينجح ذلك. حاول مرة أخرى.",
    retry: "حاول مرة أخرى", person: "التحدث إلى شخص", contact: "اترك بيانات الاتصال", name: "الاسم", email: "البريد الإلكتروني",
    note: "الرسالة", submit: "إرسال", cancel: "إلغاء", sent: "شكرًا. سنرد عليك بالبريد الإلكتروني.",
    powered: "مدعوم من {n}", identity: "سجّل الدخول إلى هذا الموقع لاستخدام الدردشة.",
  },
};

const RIGHT_TO_LEFT = /^(ar|he|fa|ur|ps|yi|dv|ckb)\b/i;

/** Texts and direction: of the language that the chatbot is set to, else of the page, else of the browser. */
export function textsFor(wanted: (string | null | undefined)[]): { texts: Texts; language: string; dir: "ltr" | "rtl" } {
  for (const tag of wanted) {
    const texts = tag ? LANGUAGES[tag.slice(0, 2).toLowerCase()] : undefined;
    if (tag && texts) return { texts, language: tag, dir: RIGHT_TO_LEFT.test(tag) ? "rtl" : "ltr" };
  }
  return { texts: en, language: "en", dir: "ltr" };
}

export const fill = (text: string, n: string | number) => text.replace("{n}", String(n));
