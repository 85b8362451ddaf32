//! Lists of messages, a message, a conversation, an invitation.

use super::phrases;

phrases! {
    /// Lists of messages, a message, a conversation, an invitation.
    Reading {
        messages: "Messages", "Messaggi", "Messages", "Mensajes", "Nachrichten";
        select: "Select: {subject}", "Seleziona: {subject}", "Sélectionner\u{a0}: {subject}", "Seleccionar: {subject}", "Auswählen: {subject}";
        with_selected: "Selected messages", "Messaggi selezionati", "Messages sélectionnés", "Mensajes seleccionados", "Ausgewählte Nachrichten";
        mark_read: "Mark as read", "Segna come letto", "Marquer comme lu", "Marcar como leído", "Als gelesen markieren";
        mark_unread: "Mark as unread", "Segna come da leggere", "Marquer comme non lu", "Marcar como no leído", "Als ungelesen markieren";
        to_bin: "Move to bin", "Sposta nel cestino", "Mettre à la corbeille", "Mover a la papelera", "In den Papierkorb";
        restore: "Move back", "Ripristina", "Remettre à sa place", "Restaurar", "Zurücklegen";
        delete: "Delete for good", "Elimina definitivamente", "Supprimer définitivement", "Eliminar definitivamente", "Endgültig löschen";
        discard_drafts: "Discard drafts", "Elimina le bozze", "Supprimer les brouillons", "Descartar borradores", "Entwürfe verwerfen";
        empty_it: "Empty the bin", "Svuota il cestino", "Vider la corbeille", "Vaciar la papelera", "Papierkorb leeren";
        empty_one: "{n} message will be deleted here for good. What your regular mailbox has, or is still to get, stays as it is.", "{n} messaggio verrà eliminato qui definitivamente. Ciò che la tua casella abituale ha, o deve ancora ricevere, non cambia.", "{n} message sera supprimé ici définitivement. Ce que votre boîte habituelle contient, ou doit encore recevoir, ne change pas.", "Se eliminará {n} mensaje aquí definitivamente. Lo que tu buzón habitual tiene, o aún debe recibir, no cambia.", "{n} Nachricht wird hier endgültig gelöscht. Was Ihr gewohntes Postfach hat oder noch erhält, bleibt, wie es ist.";
        empty_many: "{n} messages will be deleted here for good. What your regular mailbox has, or is still to get, stays as it is.", "{n} messaggi verranno eliminati qui definitivamente. Ciò che la tua casella abituale ha, o deve ancora ricevere, non cambia.", "{n} messages seront supprimés ici définitivement. Ce que votre boîte habituelle contient, ou doit encore recevoir, ne change pas.", "Se eliminarán {n} mensajes aquí definitivamente. Lo que tu buzón habitual tiene, o aún debe recibir, no cambia.", "{n} Nachrichten werden hier endgültig gelöscht. Was Ihr gewohntes Postfach hat oder noch erhält, bleibt, wie es ist.";
        was_answered: "Answered", "Con risposta", "Répondu", "Respondido", "Beantwortet";
        newer: "Newer", "Più recenti", "Plus récents", "Más recientes", "Neuere";
        older: "Older", "Meno recenti", "Plus anciens", "Más antiguos", "Ältere";
        pages: "Pages", "Pagine", "Pages", "Páginas", "Seiten";
        unread: "Unread", "Da leggere", "Non lu", "Sin leer", "Ungelesen";
        has_attachment: "With attachment", "Con allegato", "Avec pièce jointe", "Con archivo adjunto", "Mit Anhang";
        has_invitation: "Invitation", "Invito", "Invitation", "Invitación", "Einladung";
        no_subject: "(no subject)", "(senza oggetto)", "(sans objet)", "(sin asunto)", "(kein Betreff)";
        no_sender: "(unknown sender)", "(mittente sconosciuto)", "(expéditeur inconnu)", "(remitente desconocido)", "(Absender unbekannt)";
        no_recipient: "(no recipient yet)", "(ancora nessun destinatario)", "(pas encore de destinataire)", "(aún sin destinatario)", "(noch ohne Empfänger)";
        empty_inbox: "No mail yet. New messages appear here.", "Ancora nessun messaggio. I nuovi appariranno qui.", "Pas encore de message. Les nouveaux apparaîtront ici.", "Aún no hay mensajes. Los nuevos aparecerán aquí.", "Noch keine E-Mails. Neue erscheinen hier.";
        empty_sent: "What you send from here appears here.", "Ciò che invii da qui appare qui.", "Ce que vous envoyez d’ici apparaît ici.", "Lo que envías desde aquí aparece aquí.", "Was Sie von hier senden, erscheint hier.";
        empty_drafts: "No drafts.", "Nessuna bozza.", "Aucun brouillon.", "No hay borradores.", "Keine Entwürfe.";
        empty_bin: "The bin is empty.", "Il cestino è vuoto.", "La corbeille est vide.", "La papelera está vacía.", "Der Papierkorb ist leer.";
        found_none: "Nothing was found for “{q}”. Try fewer or other words.", "Nessun risultato per «{q}». Prova con meno parole o con altre.", "Rien n’a été trouvé pour «\u{a0}{q}\u{a0}». Essayez moins de mots, ou d’autres.", "No se encontró nada para «{q}». Prueba con menos palabras o con otras.", "Für „{q}“ wurde nichts gefunden. Versuchen Sie es mit weniger oder anderen Wörtern.";
        found_one: "{n} message for “{q}”", "{n} messaggio per «{q}»", "{n} message pour «\u{a0}{q}\u{a0}»", "{n} mensaje para «{q}»", "{n} Nachricht für „{q}“";
        found_many: "{n} messages for “{q}”", "{n} messaggi per «{q}»", "{n} messages pour «\u{a0}{q}\u{a0}»", "{n} mensajes para «{q}»", "{n} Nachrichten für „{q}“";
        found_more: "Only the newest are shown. More words find less.", "Sono mostrati solo i più recenti. Con più parole il risultato si restringe.", "Seuls les plus récents sont affichés. Précisez avec plus de mots.", "Solo se muestran los más recientes. Con más palabras se afina la búsqueda.", "Nur die neuesten werden gezeigt. Mit mehr Wörtern wird es genauer.";
        search_hint: "Words from the subject, the text or the people.", "Parole dell’oggetto, del testo o delle persone.", "Des mots de l’objet, du texte ou des personnes.", "Palabras del asunto, del texto o de las personas.", "Wörter aus Betreff, Text oder Namen.";
        from: "From", "Da", "De", "De", "Von";
        to: "To", "A", "À", "Para", "An";
        cc: "Cc", "Cc", "Cc", "Cc", "Cc";
        reply_to: "Answers go to", "Le risposte vanno a", "Les réponses vont à", "Las respuestas van a", "Antworten gehen an";
        date: "Date", "Data", "Date", "Fecha", "Datum";
        no_date: "no date", "senza data", "sans date", "sin fecha", "ohne Datum";
        to_shown: "to {who}", "a {who}", "à {who}", "para {who}", "an {who}";
        and_more: "and {n} more", "e altri {n}", "et {n} de plus", "y {n} más", "und {n} weitere";
        details: "Details", "Dettagli", "Détails", "Detalles", "Details";
        actions: "Actions", "Azioni", "Actions", "Acciones", "Aktionen";
        reply: "Reply", "Rispondi", "Répondre", "Responder", "Antworten";
        reply_all: "Reply to all", "Rispondi a tutti", "Répondre à tous", "Responder a todos", "Allen antworten";
        forward: "Forward", "Inoltra", "Transférer", "Reenviar", "Weiterleiten";
        edit: "Continue writing", "Continua a scrivere", "Continuer la rédaction", "Seguir escribiendo", "Weiterschreiben";
        conversation: "Show the conversation", "Mostra la conversazione", "Afficher la conversation", "Mostrar la conversación", "Unterhaltung anzeigen";
        conversation_one: "{n} message in this conversation", "{n} messaggio in questa conversazione", "{n} message dans cette conversation", "{n} mensaje en esta conversación", "{n} Nachricht in dieser Unterhaltung";
        conversation_many: "{n} messages in this conversation", "{n} messaggi in questa conversazione", "{n} messages dans cette conversation", "{n} mensajes en esta conversación", "{n} Nachrichten in dieser Unterhaltung";
        open: "Open this message", "Apri questo messaggio", "Ouvrir ce message", "Abrir este mensaje", "Diese Nachricht öffnen";
        back: "Back to: {folder}", "Torna a: {folder}", "Retour\u{a0}: {folder}", "Volver a: {folder}", "Zurück: {folder}";
        body: "Text of the message", "Testo del messaggio", "Texte du message", "Texto del mensaje", "Text der Nachricht";
        no_text: "This message has no text.", "Questo messaggio non ha testo.", "Ce message n’a pas de texte.", "Este mensaje no tiene texto.", "Diese Nachricht hat keinen Text.";
        images_blocked: "Images from the internet are not loaded, so that the sender cannot tell that you read this.", "Le immagini da internet non sono caricate, così il mittente non sa che hai letto.", "Les images d’internet ne sont pas chargées\u{a0}: l’expéditeur ne peut pas savoir que vous lisez ce message.", "Las imágenes de internet no se cargan, así el remitente no sabe que has leído esto.", "Bilder aus dem Internet werden nicht geladen, damit der Absender nicht erfährt, dass Sie dies lesen.";
        show_images: "Show images", "Mostra immagini", "Afficher les images", "Mostrar imágenes", "Bilder anzeigen";
        as_text: "Show as plain text", "Mostra solo testo", "Afficher en texte brut", "Mostrar como texto", "Als reinen Text anzeigen";
        as_sent: "Show as it was sent", "Mostra come è stato inviato", "Afficher tel qu’envoyé", "Mostrar como se envió", "So anzeigen, wie gesendet";
        quoted: "Show what was quoted", "Mostra il testo citato", "Afficher le texte cité", "Mostrar el texto citado", "Zitierten Text anzeigen";
        attachments: "Attachments", "Allegati", "Pièces jointes", "Archivos adjuntos", "Anhänge";
        download: "Save {name}", "Salva {name}", "Enregistrer {name}", "Guardar {name}", "{name} speichern";
        attachments_closed: "Your organisation does not let attachments be opened here. They are in your regular mailbox later.", "La tua organizzazione non consente di aprire qui gli allegati. Li troverai poi nella tua casella abituale.", "Votre organisation ne permet pas d’ouvrir ici les pièces jointes. Vous les trouverez plus tard dans votre boîte habituelle.", "Tu organización no permite abrir aquí los archivos adjuntos. Los tendrás después en tu buzón habitual.", "Ihre Organisation erlaubt hier kein Öffnen von Anhängen. Sie finden sie später in Ihrem gewohnten Postfach.";
        warn_authors: "This message names several authors. Be careful with what it asks.", "Questo messaggio indica più autori. Attenzione a ciò che chiede.", "Ce message indique plusieurs auteurs. Méfiez-vous de ce qu’il demande.", "Este mensaje indica varios autores. Ten cuidado con lo que pide.", "Diese Nachricht nennt mehrere Absender. Seien Sie vorsichtig mit dem, was sie verlangt.";
        warn_name: "The sender’s name contains another address. The message gives {address} as its sender.", "Il nome del mittente contiene un altro indirizzo. Il messaggio indica come mittente {address}.", "Le nom de l’expéditeur contient une autre adresse. Le message indique {address} comme expéditeur.", "El nombre del remitente contiene otra dirección. El mensaje indica {address} como remitente.", "Der Name des Absenders enthält eine andere Adresse. Als Absender nennt die Nachricht {address}.";
        warn_reply: "Answers to this message go to another organisation: {address}.", "Le risposte a questo messaggio vanno a un’altra organizzazione: {address}.", "Les réponses à ce message vont à une autre organisation\u{a0}: {address}.", "Las respuestas a este mensaje van a otra organización: {address}.", "Antworten auf diese Nachricht gehen an eine andere Organisation: {address}.";
        warn_short: "This message is too long to show all of it here.", "Questo messaggio è troppo lungo per mostrarlo tutto qui.", "Ce message est trop long pour être affiché en entier.", "Este mensaje es demasiado largo para mostrarlo entero.", "Diese Nachricht ist zu lang, um sie hier ganz zu zeigen.";
        warning: "Please note", "Attenzione", "À noter", "Atención", "Bitte beachten";
        when: "When", "Quando", "Quand", "Cuándo", "Wann";
        place: "Where", "Dove", "Où", "Dónde", "Wo";
        organizer: "Invited by", "Organizza", "Organisé par", "Organiza", "Eingeladen von";
        attendees: "Invited", "Invitati", "Invités", "Invitados", "Eingeladen";
        recurring: "Repeats", "Si ripete", "Se répète", "Se repite", "Wiederholt sich";
        all_day: "all day", "tutto il giorno", "toute la journée", "todo el día", "ganztägig";
        cancelled: "This meeting was called off.", "Questo incontro è stato annullato.", "Cette réunion est annulée.", "Esta reunión se ha cancelado.", "Dieser Termin wurde abgesagt.";
        will_you: "Will you come?", "Parteciperai?", "Viendrez-vous\u{a0}?", "¿Asistirás?", "Nehmen Sie teil?";
        accept: "Yes", "Sì", "Oui", "Sí", "Ja";
        maybe: "Maybe", "Forse", "Peut-être", "Quizá", "Vielleicht";
        decline: "No", "No", "Non", "No", "Nein";
        accepted: "accepted", "accettato", "accepté", "aceptado", "zugesagt";
        tentative: "maybe", "forse", "peut-être", "quizá", "vielleicht";
        declined: "declined", "rifiutato", "refusé", "rechazado", "abgesagt";
        your_answer: "Your answer: {answer}", "La tua risposta: {answer}", "Votre réponse\u{a0}: {answer}", "Tu respuesta: {answer}", "Ihre Antwort: {answer}";
    }
}
