//! Writing a message.

use super::phrases;

phrases! {
    /// Writing a message.
    Writing {
        to: "To", "A", "À", "Para", "An";
        cc: "Cc", "Cc", "Cc", "Cc", "Cc";
        subject: "Subject", "Oggetto", "Objet", "Asunto", "Betreff";
        body: "Message", "Messaggio", "Message", "Mensaje", "Nachricht";
        addresses_hint: "Addresses, or names of colleagues, separated by commas.", "Indirizzi, o nomi di colleghi, separati da virgole.", "Adresses, ou noms de collègues, séparés par des virgules.", "Direcciones, o nombres de colegas, separados por comas.", "Adressen oder Namen von Kollegen, durch Kommas getrennt.";
        from_shown: "Sent from {address}", "Inviato da {address}", "Envoyé depuis {address}", "Se envía desde {address}", "Gesendet von {address}";
        choose_people: "Choose from the address book", "Scegli dalla rubrica", "Choisir dans le carnet d’adresses", "Elegir de la libreta de direcciones", "Aus dem Adressbuch wählen";
        files: "Attach files", "Allega file", "Joindre des fichiers", "Adjuntar archivos", "Dateien anhängen";
        files_hint: "Up to {size} together.", "Fino a {size} in tutto.", "Jusqu’à {size} au total.", "Hasta {size} en total.", "Zusammen bis zu {size}.";
        files_kept: "Already attached", "Già allegati", "Déjà joints", "Ya adjuntos", "Schon angehängt";
        drop_file: "Remove {name}", "Rimuovi {name}", "Retirer {name}", "Quitar {name}", "{name} entfernen";
        send: "Send", "Invia", "Envoyer", "Enviar", "Senden";
        save: "Save draft", "Salva bozza", "Enregistrer le brouillon", "Guardar borrador", "Entwurf speichern";
        discard: "Discard", "Elimina", "Supprimer", "Descartar", "Verwerfen";
        title_reply: "Reply", "Risposta", "Réponse", "Respuesta", "Antwort";
        title_forward: "Forward", "Inoltro", "Transfert", "Reenvío", "Weiterleitung";
        title_draft: "Draft", "Bozza", "Brouillon", "Borrador", "Entwurf";
        mend: "The message was not sent yet. Please check:", "Il messaggio non è ancora partito. Controlla:", "Le message n’est pas encore parti. Veuillez vérifier\u{a0}:", "El mensaje aún no se ha enviado. Revisa:", "Die Nachricht wurde noch nicht gesendet. Bitte prüfen Sie:";
        expired: "This page was open for too long. Nothing was lost: please send again. Files have to be attached again.", "Questa pagina è rimasta aperta troppo a lungo. Nulla è andato perso: invia di nuovo. I file vanno allegati di nuovo.", "Cette page est restée ouverte trop longtemps. Rien n’est perdu\u{a0}: envoyez de nouveau. Les fichiers doivent être joints à nouveau.", "Esta página estuvo abierta demasiado tiempo. No se ha perdido nada: envía de nuevo. Hay que volver a adjuntar los archivos.", "Diese Seite war zu lange offen. Nichts ging verloren: Bitte senden Sie noch einmal. Dateien müssen erneut angehängt werden.";
        not_now: "The message could not be sent just now. It is still here: please try again.", "Ora non è stato possibile inviare il messaggio. È ancora qui: riprova.", "Le message n’a pas pu être envoyé pour l’instant. Il est toujours là\u{a0}: veuillez réessayer.", "Ahora no se ha podido enviar el mensaje. Sigue aquí: inténtalo de nuevo.", "Die Nachricht konnte gerade nicht gesendet werden. Sie ist noch hier: Bitte versuchen Sie es noch einmal.";
        missing: "Enter at least one address.", "Inserisci almeno un indirizzo.", "Saisissez au moins une adresse.", "Escribe al menos una dirección.", "Geben Sie mindestens eine Adresse ein.";
        bad_address: "“{what}” is not an e-mail address.", "«{what}» non è un indirizzo e-mail.", "«\u{a0}{what}\u{a0}» n’est pas une adresse e-mail.", "«{what}» no es una dirección de correo.", "„{what}“ ist keine E-Mail-Adresse.";
        several: "“{what}” could be several people: {names}. Write more of the name, or the address.", "«{what}» può essere più persone: {names}. Scrivi di più del nome, o l’indirizzo.", "«\u{a0}{what}\u{a0}» peut désigner plusieurs personnes\u{a0}: {names}. Précisez le nom, ou saisissez l’adresse.", "«{what}» puede ser varias personas: {names}. Escribe más del nombre, o la dirección.", "„{what}“ kann mehrere Personen meinen: {names}. Schreiben Sie mehr vom Namen oder die Adresse.";
        too_many: "At most {n} addresses.", "Al massimo {n} indirizzi.", "Au plus {n} adresses.", "Como máximo {n} direcciones.", "Höchstens {n} Adressen.";
        too_long: "This is too long.", "È troppo lungo.", "C’est trop long.", "Es demasiado largo.", "Das ist zu lang.";
        too_large: "The files are larger than {size} together.", "I file superano {size} in tutto.", "Les fichiers dépassent {size} au total.", "Los archivos superan {size} en total.", "Die Dateien sind zusammen größer als {size}.";
        too_many_files: "At most {n} files.", "Al massimo {n} file.", "Au plus {n} fichiers.", "Como máximo {n} archivos.", "Höchstens {n} Dateien.";
        wrote: "On {date}, {who} wrote:", "Il {date}, {who} ha scritto:", "Le {date}, {who} a écrit\u{a0}:", "El {date}, {who} escribió:", "Am {date} schrieb {who}:";
        forwarded: "Forwarded message", "Messaggio inoltrato", "Message transféré", "Mensaje reenviado", "Weitergeleitete Nachricht";
        says_accepted: "{who} has accepted: {what}", "{who} ha accettato: {what}", "{who} a accepté\u{a0}: {what}", "{who} ha aceptado: {what}", "{who} hat zugesagt: {what}";
        says_tentative: "{who} has perhaps accepted: {what}", "{who} ha risposto forse: {what}", "{who} viendra peut-être\u{a0}: {what}", "{who} quizá asista: {what}", "{who} hat unter Vorbehalt zugesagt: {what}";
        says_declined: "{who} has declined: {what}", "{who} ha rifiutato: {what}", "{who} a refusé\u{a0}: {what}", "{who} ha rechazado: {what}", "{who} hat abgesagt: {what}";
    }
}
