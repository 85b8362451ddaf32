//! Address book, settings, errors.

use super::phrases;

phrases! {
    /// Address book, settings, errors.
    Around {
        search_people: "Search people", "Cerca persone", "Rechercher des personnes", "Buscar personas", "Personen suchen";
        people_hint: "A name or an address.", "Un nome o un indirizzo.", "Un nom ou une adresse.", "Un nombre o una dirección.", "Ein Name oder eine Adresse.";
        people_none: "Nobody was found.", "Nessuno trovato.", "Personne n’a été trouvé.", "No se encontró a nadie.", "Niemand gefunden.";
        people_more: "There are more. Type more of the name.", "Ce ne sono altri. Scrivi più lettere del nome.", "Il y en a d’autres. Précisez le nom.", "Hay más. Escribe más letras del nombre.", "Es gibt weitere. Geben Sie mehr vom Namen ein.";
        write_to: "Write to {name}", "Scrivi a {name}", "Écrire à {name}", "Escribir a {name}", "An {name} schreiben";
        add: "Add {name}", "Aggiungi {name}", "Ajouter {name}", "Añadir {name}", "{name} hinzufügen";
        back_to_draft: "Back to the message", "Torna al messaggio", "Retour au message", "Volver al mensaje", "Zurück zur Nachricht";
        group: "Distribution list", "Lista di distribuzione", "Liste de diffusion", "Lista de distribución", "Verteilerliste";
        your_access: "Your access", "Il tuo accesso", "Votre accès", "Tu acceso", "Ihr Zugang";
        your_addresses: "You write from", "Scrivi da", "Vous écrivez depuis", "Escribes desde", "Sie schreiben von";
        change_password: "Change password", "Cambia password", "Changer le mot de passe", "Cambiar contraseña", "Passwort ändern";
        current_password: "Current password", "Password attuale", "Mot de passe actuel", "Contraseña actual", "Jetziges Passwort";
        wrong_password: "This is not your current password.", "Non è la tua password attuale.", "Ce n’est pas votre mot de passe actuel.", "No es tu contraseña actual.", "Das ist nicht Ihr jetziges Passwort.";
        everywhere: "Log out everywhere", "Esci da tutti i dispositivi", "Se déconnecter partout", "Cerrar sesión en todas partes", "Überall abmelden";
        everywhere_more: "Closes your sessions on all other devices, for instance when one was lost.", "Chiude le tue sessioni su tutti gli altri dispositivi, per esempio se ne hai perso uno.", "Ferme vos sessions sur tous les autres appareils, par exemple si vous en avez perdu un.", "Cierra tus sesiones en los demás dispositivos, por ejemplo si perdiste uno.", "Beendet Ihre Sitzungen auf allen anderen Geräten, etwa wenn eines verloren ging.";
        not_found: "There is nothing here", "Qui non c’è nulla", "Il n’y a rien ici", "Aquí no hay nada", "Hier ist nichts";
        not_found_more: "The page or the message does not exist, or it is not yours.", "La pagina o il messaggio non esiste, o non è tuo.", "La page ou le message n’existe pas, ou n’est pas à vous.", "La página o el mensaje no existe, o no es tuyo.", "Die Seite oder Nachricht gibt es nicht, oder sie gehört nicht Ihnen.";
        forbidden: "This is not open to you", "Accesso non consentito", "Cet accès n’est pas ouvert", "Esto no está abierto para ti", "Kein Zugang";
        forbidden_more: "Ask your IT desk if you think it should be.", "Se pensi che dovrebbe esserlo, chiedi all’assistenza informatica.", "Si vous pensez qu’il devrait l’être, adressez-vous à votre service informatique.", "Si crees que debería estarlo, consulta a tu servicio de informática.", "Wenn Sie meinen, Sie sollten ihn haben, fragen Sie Ihre IT.";
        expired: "This page was open for too long", "Questa pagina è rimasta aperta troppo a lungo", "Cette page est restée ouverte trop longtemps", "Esta página estuvo abierta demasiado tiempo", "Diese Seite war zu lange offen";
        expired_more: "For your safety nothing was done, and nothing was lost: go back and try again.", "Per sicurezza non è stato fatto nulla, e nulla è andato perso: torna indietro e riprova.", "Par sécurité, rien n’a été fait et rien n’est perdu\u{a0}: revenez en arrière et réessayez.", "Por seguridad no se hizo nada, y nada se ha perdido: vuelve atrás e inténtalo de nuevo.", "Zu Ihrer Sicherheit wurde nichts ausgeführt, und nichts ging verloren: Gehen Sie zurück und versuchen Sie es noch einmal.";
        back: "Go back", "Torna indietro", "Revenir", "Volver", "Zurück";
        kept: "What you had typed", "Ciò che avevi scritto", "Ce que vous aviez saisi", "Lo que habías escrito", "Was Sie geschrieben hatten";
        unavailable: "This cannot be shown right now", "Al momento non è possibile mostrarlo", "Impossible à afficher pour l’instant", "Ahora no se puede mostrar", "Das lässt sich gerade nicht zeigen";
        unavailable_more: "The storage does not answer. Your mail is not lost; please try again in a moment.", "L’archivio non risponde. La tua posta non è persa; riprova tra poco.", "Le stockage ne répond pas. Vos messages ne sont pas perdus\u{a0}; réessayez dans un instant.", "El almacenamiento no responde. Tu correo no se ha perdido; inténtalo de nuevo en un momento.", "Der Speicher antwortet nicht. Ihre E-Mails sind nicht verloren; bitte versuchen Sie es gleich noch einmal.";
        too_large: "That was too large", "Era troppo grande", "C’était trop volumineux", "Era demasiado grande", "Das war zu groß";
        too_large_more: "Please go back and attach less.", "Torna indietro e allega meno.", "Revenez en arrière et joignez moins de fichiers.", "Vuelve atrás y adjunta menos.", "Bitte gehen Sie zurück und hängen Sie weniger an.";
        bad_request: "That was not understood", "La richiesta non è stata capita", "La demande n’a pas été comprise", "No se entendió la petición", "Das wurde nicht verstanden";
        bad_request_more: "Please go back and try again.", "Torna indietro e riprova.", "Revenez en arrière et réessayez.", "Vuelve atrás e inténtalo de nuevo.", "Bitte gehen Sie zurück und versuchen Sie es noch einmal.";
        to_inbox: "To the inbox", "Vai alla posta in arrivo", "Vers la boîte de réception", "Ir a la bandeja de entrada", "Zum Posteingang";
    }
}
