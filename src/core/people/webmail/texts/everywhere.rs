//! What stands on every page: the folders, the banner, what was just done.

use super::phrases;

phrases! {
    /// What stands on every page.
    Everywhere {
        product: "Mail", "Posta", "Messagerie", "Correo", "E-Mail";
        skip: "Skip to content", "Vai al contenuto", "Aller au contenu", "Ir al contenido", "Zum Inhalt springen";
        folders: "Folders", "Cartelle", "Dossiers", "Carpetas", "Ordner";
        account: "Account", "Account", "Compte", "Cuenta", "Konto";
        inbox: "Inbox", "Posta in arrivo", "Boîte de réception", "Bandeja de entrada", "Posteingang";
        sent: "Sent", "Posta inviata", "Envoyés", "Enviados", "Gesendet";
        drafts: "Drafts", "Bozze", "Brouillons", "Borradores", "Entwürfe";
        bin: "Bin", "Cestino", "Corbeille", "Papelera", "Papierkorb";
        people: "Address book", "Rubrica", "Carnet d’adresses", "Libreta de direcciones", "Adressbuch";
        settings: "Settings", "Impostazioni", "Paramètres", "Ajustes", "Einstellungen";
        compose: "New message", "Nuovo messaggio", "Nouveau message", "Mensaje nuevo", "Neue Nachricht";
        search: "Search", "Cerca", "Rechercher", "Buscar", "Suchen";
        search_mail: "Search mail", "Cerca nella posta", "Rechercher dans les messages", "Buscar en el correo", "E-Mails durchsuchen";
        logout: "Log out", "Esci", "Se déconnecter", "Cerrar sesión", "Abmelden";
        language: "Language", "Lingua", "Langue", "Idioma", "Sprache";
        change: "Change", "Cambia", "Changer", "Cambiar", "Ändern";
        unread_one: "{n} unread", "{n} non letto", "{n} non lu", "{n} sin leer", "{n} ungelesen";
        unread_many: "{n} unread", "{n} non letti", "{n} non lus", "{n} sin leer", "{n} ungelesen";
        filing: "Reading, moving or deleting here changes nothing in your regular mailbox: every message is delivered there all the same.", "Leggere, spostare o eliminare qui non cambia nulla nella tua casella abituale: ogni messaggio vi verrà comunque consegnato.", "Lire, déplacer ou supprimer ici ne change rien dans votre boîte habituelle\u{a0}: chaque message y sera remis malgré tout.", "Leer, mover o eliminar aquí no cambia nada en tu buzón habitual: todos los mensajes se entregarán allí igualmente.", "Lesen, Verschieben oder Löschen ändert hier nichts an Ihrem gewohnten Postfach: Jede Nachricht wird dort trotzdem zugestellt.";
        status: "Mail system status", "Stato del sistema di posta", "État de la messagerie", "Estado del sistema de correo", "Zustand des Mailsystems";
        well: "All is well.", "Tutto funziona.", "Tout fonctionne.", "Todo funciona.", "Alles in Ordnung.";
        well_more: "The mail system is working. What you send from here goes out right away.", "Il sistema di posta è attivo. Ciò che invii da qui parte subito.", "La messagerie fonctionne. Ce que vous envoyez d’ici part aussitôt.", "El sistema de correo funciona. Lo que envías desde aquí sale al momento.", "Das Mailsystem läuft. Was Sie von hier senden, geht sofort hinaus.";
        down: "The mail system has been down since {time}.", "Il sistema di posta non è disponibile dalle {time}.", "La messagerie est en panne depuis {time}.", "El sistema de correo no funciona desde las {time}.", "Das Mailsystem ist seit {time} ausgefallen.";
        down_day: "The mail system has been down since {time}.", "Il sistema di posta non è disponibile dal {time}.", "La messagerie est en panne depuis le {time}.", "El sistema de correo no funciona desde el {time}.", "Das Mailsystem ist seit {time} ausgefallen.";
        down_more: "New mail is held here safely, and it will be delivered to your regular mailbox when the system is back. What you send from here goes out now; colleagues find it here.", "La nuova posta è custodita qui e sarà consegnata alla tua casella abituale quando il sistema tornerà. Ciò che invii da qui parte ora; i colleghi lo trovano qui.", "Les nouveaux messages sont conservés ici en sécurité et seront remis dans votre boîte habituelle au retour de la messagerie. Ce que vous envoyez d’ici part maintenant\u{a0}; vos collègues le trouvent ici.", "El correo nuevo se guarda aquí y se entregará en tu buzón habitual cuando el sistema vuelva. Lo que envías desde aquí sale ahora; tus compañeros lo encuentran aquí.", "Neue E-Mails werden hier sicher aufbewahrt und in Ihr gewohntes Postfach zugestellt, sobald das System zurück ist. Was Sie von hier senden, geht jetzt hinaus; Kolleginnen und Kollegen finden es hier.";
        window: "Planned maintenance.", "Manutenzione programmata.", "Maintenance planifiée.", "Mantenimiento programado.", "Geplante Wartung.";
        window_until: "Planned maintenance until {time}.", "Manutenzione programmata fino alle {time}.", "Maintenance planifiée jusqu’à {time}.", "Mantenimiento programado hasta las {time}.", "Geplante Wartung bis {time}.";
        window_until_day: "Planned maintenance until {time}.", "Manutenzione programmata fino al {time}.", "Maintenance planifiée jusqu’au {time}.", "Mantenimiento programado hasta el {time}.", "Geplante Wartung bis {time}.";
        window_more: "Until then new mail is held here and delivered to your regular mailbox afterwards. What you send from here goes out now.", "Fino ad allora la nuova posta è custodita qui e sarà poi consegnata alla tua casella abituale. Ciò che invii da qui parte ora.", "D’ici là, les nouveaux messages sont conservés ici, puis remis dans votre boîte habituelle. Ce que vous envoyez d’ici part maintenant.", "Hasta entonces, el correo nuevo se guarda aquí y después se entrega en tu buzón habitual. Lo que envías desde aquí sale ahora.", "Bis dahin werden neue E-Mails hier aufbewahrt und danach in Ihr gewohntes Postfach zugestellt. Was Sie von hier senden, geht jetzt hinaus.";
        returning: "The mail system is coming back.", "Il sistema di posta sta tornando.", "La messagerie revient.", "El sistema de correo está volviendo.", "Das Mailsystem kommt zurück.";
        returning_more: "What was held is being delivered to your regular mailbox, oldest first. You can go on working here; what you send goes out right away.", "Ciò che era in attesa viene consegnato alla tua casella abituale, dal più vecchio. Puoi continuare a lavorare qui; ciò che invii parte subito.", "Les messages en attente sont remis dans votre boîte habituelle, les plus anciens d’abord. Vous pouvez continuer ici\u{a0}; ce que vous envoyez part aussitôt.", "Lo retenido se está entregando en tu buzón habitual, primero lo más antiguo. Puedes seguir trabajando aquí; lo que envías sale al momento.", "Was aufbewahrt wurde, wird jetzt in Ihr gewohntes Postfach zugestellt, das Älteste zuerst. Sie können hier weiterarbeiten; was Sie senden, geht sofort hinaus.";
        left_one: "{n} message left.", "Manca {n} messaggio.", "{n} message restant.", "Queda {n} mensaje.", "Noch {n} Nachricht.";
        left_many: "{n} messages left.", "Mancano {n} messaggi.", "{n} messages restants.", "Quedan {n} mensajes.", "Noch {n} Nachrichten.";
        unknown: "We cannot tell right now how the mail system is.", "Al momento non sappiamo dire come sta il sistema di posta.", "Nous ne pouvons pas dire pour l’instant comment va la messagerie.", "Ahora mismo no podemos decir cómo está el sistema de correo.", "Wir können gerade nicht sagen, wie es um das Mailsystem steht.";
        unknown_more: "You can read and write here. What we have accepted is kept, and nothing is lost.", "Qui puoi leggere e scrivere. Ciò che abbiamo accettato è custodito e nulla va perso.", "Vous pouvez lire et écrire ici. Ce que nous avons accepté est conservé et rien n’est perdu.", "Aquí puedes leer y escribir. Lo que hemos aceptado está guardado y nada se pierde.", "Sie können hier lesen und schreiben. Was wir angenommen haben, ist aufbewahrt, nichts geht verloren.";
        done_sent: "Your message is on its way.", "Il tuo messaggio è partito.", "Votre message est parti.", "Tu mensaje está en camino.", "Ihre Nachricht ist unterwegs.";
        done_saved: "The draft is saved.", "La bozza è salvata.", "Le brouillon est enregistré.", "El borrador está guardado.", "Der Entwurf ist gespeichert.";
        done_discarded: "The draft is discarded.", "La bozza è stata eliminata.", "Le brouillon est supprimé.", "El borrador se ha descartado.", "Der Entwurf ist verworfen.";
        done_binned: "Moved to the bin.", "Spostato nel cestino.", "Placé dans la corbeille.", "Movido a la papelera.", "In den Papierkorb verschoben.";
        done_deleted: "Deleted here for good.", "Eliminato qui definitivamente.", "Supprimé ici définitivement.", "Eliminado aquí definitivamente.", "Hier endgültig gelöscht.";
        done_restored: "Moved back.", "Ripristinato.", "Remis à sa place.", "Restaurado.", "Zurückgelegt.";
        done_read: "Marked as read.", "Segnato come letto.", "Marqué comme lu.", "Marcado como leído.", "Als gelesen markiert.";
        done_unread: "Marked as unread.", "Segnato come da leggere.", "Marqué comme non lu.", "Marcado como no leído.", "Als ungelesen markiert.";
        done_answered: "Your answer is on its way to the organiser.", "La tua risposta è partita verso l’organizzatore.", "Votre réponse part vers l’organisateur.", "Tu respuesta va de camino al organizador.", "Ihre Antwort ist unterwegs an die einladende Person.";
        done_password: "Your password is changed.", "La password è stata cambiata.", "Votre mot de passe est changé.", "Tu contraseña ha cambiado.", "Ihr Passwort ist geändert.";
        done_everywhere: "All your other sessions are closed.", "Tutte le altre sessioni sono chiuse.", "Toutes vos autres sessions sont fermées.", "Se han cerrado tus demás sesiones.", "Alle anderen Sitzungen sind beendet.";
        done_language: "The language is changed.", "La lingua è stata cambiata.", "La langue est changée.", "El idioma ha cambiado.", "Die Sprache ist geändert.";
        done_nothing: "Nothing was selected.", "Non era selezionato nulla.", "Rien n’était sélectionné.", "No había nada seleccionado.", "Es war nichts ausgewählt.";
    }
}
