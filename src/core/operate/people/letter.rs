//! The letter that carries an activation link to a user's address elsewhere, in the user's language.
//!
//! It comes from the postmaster of the user's own domain (RFC 2142, 5), whom reports about it reach;
//! those give back its header alone, so that no link comes back.

use bytes::Bytes;

use crate::limits;
use crate::mail::compose::{Fields, OneOrMany, compose};
use crate::mail::{DsnRequest, EmailAddress, Envelope, MessageId};
use crate::people::login::activation::Purpose;
use crate::problem::Problem;
use crate::time::Timestamp;

/// What it says.
pub struct Letter<'l> {
    /// What the webmail calls the organisation.
    pub organisation: &'l str,
    /// The user's own address.
    pub from: &'l EmailAddress,
    /// The address elsewhere.
    pub to: &'l EmailAddress,
    /// The user's name.
    pub name: &'l str,
    /// The name to log in with.
    pub user_name: &'l str,
    /// What the link is for.
    pub purpose: Purpose,
    /// The link.
    pub url: &'l str,
    /// When it is over.
    pub expires: Timestamp,
}

impl Letter<'_> {
    /// The letter in this language, or in English.
    pub fn compose(
        &self,
        language: Option<&str>,
        id: MessageId,
    ) -> Result<(Envelope, Bytes), Problem> {
        let words = Words::of(language);
        let organisation = shown(self.organisation);
        let subject = match self.purpose {
            Purpose::Activate => words.welcome_subject,
            Purpose::Reset => words.reset_subject,
        };
        let opening = match self.purpose {
            Purpose::Activate => words.welcome,
            Purpose::Reset => words.reset,
        };
        let hello = format!("{} {},", words.hello, shown(self.name));
        let text = [
            &hello,
            opening,
            self.url,
            &format!("{} {}", words.user_name, shown(self.user_name)),
            &words.once.replace("{until}", &moment(self.expires)),
            words.never,
            &format!("{}\r\n{organisation}", words.regards),
        ]
        .join("\r\n\r\n");
        let automatic = [("Auto-Submitted".to_owned(), "auto-generated".into())];
        compose(
            Fields {
                from: format!(
                    "{} <postmaster@{}>",
                    plain(&organisation),
                    self.from.domain()
                ),
                to: OneOrMany::One(self.to.to_string()),
                cc: OneOrMany::default(),
                bcc: OneOrMany::default(),
                reply_to: OneOrMany::default(),
                subject: subject.replace("{organisation}", &organisation),
                text: Some(text.replace("{organisation}", &organisation) + "\r\n"),
                html: None,
                headers: automatic.into_iter().collect(),
                dsn: DsnRequest::default(),
                attachments: Vec::new(),
            },
            id,
        )
    }
}

/// Names come from a directory that others fill: one line, of a bounded length.
fn shown(name: &str) -> String {
    let clean = name.chars().filter(|c| !c.is_control());
    clean.take(limits::ACCESS_NAME_CHARS).collect()
}

/// A name that cannot be taken for the beginning of an address.
fn plain(name: &str) -> String {
    name.replace(['<', '>', '"'], "")
}

/// `2026-11-23 09:00 UTC`.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
    format!("{minute} UTC")
}

/// What is said, in one language.
struct Words {
    hello: &'static str,
    welcome_subject: &'static str,
    reset_subject: &'static str,
    welcome: &'static str,
    reset: &'static str,
    user_name: &'static str,
    once: &'static str,
    never: &'static str,
    regards: &'static str,
}

impl Words {
    /// Those of a language such as `it` or `de-CH`.
    fn of(language: Option<&str>) -> &'static Self {
        let language = language.unwrap_or_default().to_lowercase();
        match language
            .split(['-', '_', ',', ';'])
            .next()
            .unwrap_or_default()
            .trim()
        {
            "it" => &ITALIAN,
            "fr" => &FRENCH,
            "es" => &SPANISH,
            "de" => &GERMAN,
            _ => &ENGLISH,
        }
    }
}

const ENGLISH: Words = Words {
    hello: "Dear",
    welcome_subject: "Your access to mail at {organisation} during an outage",
    reset_subject: "A new password for your mail at {organisation} during an outage",
    welcome: "when the mail system of {organisation} is out, you can read and answer your mail in a \
              browser. To choose your password, please open this link:",
    reset: "with this link you choose a new password for reading your mail while the mail system of \
            {organisation} is out:",
    user_name: "Your user name:",
    once: "The link works once, until {until}.",
    never: "Please give it to nobody. Nobody at {organisation} will ask you for it or for your \
            password. If you did not expect this message, please tell those who look after your mail.",
    regards: "Kind regards",
};

const ITALIAN: Words = Words {
    hello: "Gentile",
    welcome_subject: "Il suo accesso alla posta di {organisation} durante un guasto",
    reset_subject: "Una nuova password per la posta di {organisation} durante un guasto",
    welcome: "quando il sistema di posta di {organisation} non funziona, può leggere la sua posta e \
              rispondere in un browser. Per scegliere la password apra questo collegamento:",
    reset: "con questo collegamento può scegliere una nuova password per leggere la sua posta quando il \
            sistema di posta di {organisation} non funziona:",
    user_name: "Il suo nome utente:",
    once: "Il collegamento vale una sola volta, fino al {until}.",
    never: "La preghiamo di non darlo a nessuno. Nessuno di {organisation} le chiederà il collegamento o \
            la password. Se non aspettava questo messaggio, avvisi chi si occupa della posta.",
    regards: "Cordiali saluti",
};

const FRENCH: Words = Words {
    hello: "Bonjour",
    welcome_subject: "Votre accès au courrier de {organisation} pendant une panne",
    reset_subject: "Un nouveau mot de passe pour le courrier de {organisation} pendant une panne",
    welcome: "lorsque le système de messagerie de {organisation} est en panne, vous pouvez lire votre \
              courrier et y répondre dans un navigateur. Pour choisir votre mot de passe, veuillez ouvrir \
              ce lien :",
    reset: "avec ce lien, vous choisissez un nouveau mot de passe pour lire votre courrier lorsque le \
            système de messagerie de {organisation} est en panne :",
    user_name: "Votre nom d'utilisateur :",
    once: "Ce lien fonctionne une seule fois, jusqu'au {until}.",
    never: "Merci de ne le donner à personne. Personne chez {organisation} ne vous demandera ce lien ni \
            votre mot de passe. Si vous n'attendiez pas ce message, veuillez prévenir les responsables de \
            votre messagerie.",
    regards: "Cordialement",
};

const SPANISH: Words = Words {
    hello: "Hola,",
    welcome_subject: "Su acceso al correo de {organisation} durante una avería",
    reset_subject: "Una nueva contraseña para el correo de {organisation} durante una avería",
    welcome: "cuando el sistema de correo de {organisation} no funciona, puede leer su correo y responder \
              en un navegador. Para elegir su contraseña, abra este enlace:",
    reset: "con este enlace puede elegir una nueva contraseña para leer su correo cuando el sistema de \
            correo de {organisation} no funciona:",
    user_name: "Su nombre de usuario:",
    once: "El enlace sirve una sola vez, hasta el {until}.",
    never: "Por favor, no lo dé a nadie. Nadie de {organisation} le pedirá el enlace ni su contraseña. Si \
            no esperaba este mensaje, avise a quienes se ocupan de su correo.",
    regards: "Un cordial saludo",
};

const GERMAN: Words = Words {
    hello: "Guten Tag",
    welcome_subject: "Ihr Zugang zur Post bei {organisation} während eines Ausfalls",
    reset_subject: "Ein neues Passwort für Ihre Post bei {organisation} während eines Ausfalls",
    welcome: "wenn das Mailsystem von {organisation} ausfällt, können Sie Ihre Post in einem Browser lesen \
              und beantworten. Um Ihr Passwort zu wählen, öffnen Sie bitte diesen Link:",
    reset: "mit diesem Link wählen Sie ein neues Passwort, um Ihre Post zu lesen, wenn das Mailsystem von \
            {organisation} ausfällt:",
    user_name: "Ihr Benutzername:",
    once: "Der Link gilt einmal, bis {until}.",
    never: "Bitte geben Sie ihn niemandem. Niemand von {organisation} wird Sie nach dem Link oder nach \
            Ihrem Passwort fragen. Wenn Sie diese Nachricht nicht erwartet haben, sagen Sie bitte denen \
            Bescheid, die sich um Ihre Post kümmern.",
    regards: "Mit freundlichen Grüßen",
};
