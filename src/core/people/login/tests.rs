//! Logins from the link to the last session, on a clock of our own.

pub(crate) mod world;

use futures::executor::block_on;
use futures::future::join;

use super::activation::{LinkError, LinkToken, Purpose};
use super::change::{ChangeError, change_password, enrol, renew_recovery, revoke_all};
use super::password::tests::hashes;
use super::recovery::RecoveryCode;
use super::session::NotIn;
use super::set_up::{Form, Ready, SetUpError, set_up};
use super::*;
use crate::ports::Clock;
use world::{Dies, World};

const PASSWORD: &str = "correct horse battery";
const ANOTHER: &str = "staple of another kind";
const NAME: &str = "anna@example.org";

struct House {
    world: World,
    keys: Keys,
    anna: Account,
    client: Client,
}

impl House {
    fn new() -> Self {
        let world = World::new();
        let anna = Account {
            user: UserId::new(&world),
            active: true,
            access: true,
            second_factor: SecondFactor::Required,
        };
        Self {
            world,
            keys: Keys::new("a key for tests that is long enough").unwrap(),
            anna,
            client: Client::new(Some("192.0.2.7:4711")),
        }
    }

    fn link(&self, purpose: Purpose) -> LinkToken {
        let made = activation::make(
            &self.world,
            self.anna.user,
            purpose,
            "Olga",
            limits::ACTIVATION,
        );
        block_on(made).unwrap().0
    }

    fn code(&self, token: &LinkToken) -> String {
        set_up::offered(&self.keys, token.as_str()).code(self.world.now())
    }

    async fn sets_up(&self, token: &LinkToken, password: &str) -> Result<Ready, SetUpError> {
        let code = self.code(token);
        let form = Form {
            token: token.as_str(),
            password: Some(password),
            code: Some(&code),
            own: &[NAME, "Anna Rossi"],
        };
        set_up(&self.world, &self.keys, &self.anna, &form).await
    }

    /// Anna with a login, a second factor and recovery codes, a minute ago.
    fn with_anna() -> (Self, LinkToken, Vec<RecoveryCode>) {
        let house = Self::new();
        let token = house.link(Purpose::Activate);
        let ready = block_on(house.sets_up(&token, PASSWORD)).unwrap();
        house.world.pass(Duration::from_secs(60));
        (house, token, ready.codes)
    }

    fn logs_in(&self, account: Option<&Account>, password: &str) -> Result<Next, LoginError> {
        block_on(log_in(
            &self.world,
            &self.keys,
            account,
            NAME,
            password,
            &self.client,
        ))
    }

    fn half(&self) -> Half {
        match self.logs_in(Some(&self.anna), PASSWORD) {
            Ok(Next::SecondFactor(half)) => half,
            other => panic!("the second factor is asked for: {other:?}"),
        }
    }

    fn answers(&self, half: &Half, answer: &str) -> Result<(Session, Option<Act>), LoginError> {
        let anna = Some(&self.anna);
        block_on(second_factor(
            &self.world,
            &self.keys,
            half,
            anna,
            answer,
            &self.client,
        ))
    }

    fn stands(&self, session: &Session) -> Result<(), NotIn> {
        let cookie = session.cookie(&self.keys);
        block_on(session::check(&self.world, &self.keys, &cookie)).map(drop)
    }

    fn credential(&self) -> Credential {
        block_on(credential::read(&self.world, self.anna.user))
            .unwrap()
            .unwrap()
    }
}

#[test]
fn a_link_leads_to_a_login_and_the_login_leads_in() {
    let house = House::new();
    let token = house.link(Purpose::Activate);
    let ready = block_on(house.sets_up(&token, PASSWORD)).unwrap();
    assert_eq!(ready.codes.len(), limits::RECOVERY_CODES);
    assert_eq!(house.stands(&ready.session.unwrap()), Ok(()));
    house.world.pass(Duration::from_secs(60));
    let half = house.half();
    let code = house.code(&token);
    let (session, act) = house.answers(&half, &code).unwrap();
    assert_eq!((session.user(), act), (house.anna.user, None));
    assert_eq!(house.stands(&session), Ok(()));
}

#[test]
fn of_two_who_use_a_link_at_once_one_wins() {
    let house = House::new();
    let token = house.link(Purpose::Activate);
    house.world.slow.set(true);
    let both = join(
        house.sets_up(&token, PASSWORD),
        house.sets_up(&token, ANOTHER),
    );
    let (one, other) = block_on(both);
    let used =
        |ready: &Result<Ready, SetUpError>| matches!(ready, Err(SetUpError::Link(LinkError::Used)));
    assert!(
        one.is_ok() && used(&other) || used(&one) && other.is_ok(),
        "{one:?} {other:?}"
    );
    let [right, wrong] = if one.is_ok() {
        [PASSWORD, ANOTHER]
    } else {
        [ANOTHER, PASSWORD]
    };
    assert!(
        house.logs_in(Some(&house.anna), right).is_ok(),
        "the winner's password stands"
    );
    assert_eq!(
        house.logs_in(Some(&house.anna), wrong),
        Err(LoginError::Refused)
    );
}

#[test]
fn a_link_is_used_once_and_what_is_wrong_uses_it_not() {
    let house = House::new();
    let token = house.link(Purpose::Activate);
    let mut form = Form {
        token: token.as_str(),
        password: Some("short"),
        code: Some("000000"),
        own: &[NAME],
    };
    let tries =
        |form: &Form<'_>| block_on(set_up(&house.world, &house.keys, &house.anna, form)).map(drop);
    assert_eq!(
        tries(&form),
        Err(SetUpError::Password(password::Unfit::Short))
    );
    form.password = Some(PASSWORD);
    assert_eq!(tries(&form), Err(SetUpError::Code));
    form.code = None;
    assert_eq!(
        tries(&form),
        Err(SetUpError::Code),
        "the second factor is required"
    );
    let other = Account {
        user: UserId::new(&house.world),
        ..house.anna
    };
    let another_s = block_on(set_up(&house.world, &house.keys, &other, &form)).map(drop);
    assert_eq!(another_s, Err(SetUpError::Refused));
    assert!(block_on(house.sets_up(&token, PASSWORD)).is_ok());
    let again = block_on(house.sets_up(&token, ANOTHER)).map(drop);
    assert_eq!(again, Err(SetUpError::Link(LinkError::Used)));
    assert!(house.logs_in(Some(&house.anna), PASSWORD).is_ok());
}

#[test]
fn a_crash_at_any_step_of_setting_up_leaves_the_user_able_to_go_on() {
    for dies in [Dies::Before, Dies::After] {
        for step in 0.. {
            let house = House::new();
            let token = house.link(Purpose::Activate);
            house.world.dies.set(Some((step, dies)));
            let came = block_on(house.sets_up(&token, PASSWORD));
            let untouched = house.world.dies.get() != Some((0, Dies::Before));
            house.world.dies.set(None);
            house.world.pass(Duration::from_secs(60));
            // Either the link is still good, or the password is.
            if block_on(activation::open(&house.world, token.as_str())).is_ok() {
                assert!(
                    came.is_err(),
                    "what was said to be done is done: {dies:?} {step}"
                );
                assert!(
                    block_on(house.sets_up(&token, PASSWORD)).is_ok(),
                    "{dies:?} {step}"
                );
                house.world.pass(Duration::from_secs(60));
            }
            let half = house.half();
            let code = house.code(&token);
            let (session, _) = house.answers(&half, &code).unwrap();
            let renewed = renew_recovery(&house.world, &house.keys, &session, PASSWORD);
            assert!(
                block_on(renewed).is_ok(),
                "codes that were never shown are made anew"
            );
            let again = block_on(house.sets_up(&token, ANOTHER)).map(drop);
            assert_eq!(
                again,
                Err(SetUpError::Link(LinkError::Used)),
                "{dies:?} {step}"
            );
            if untouched {
                assert!(came.is_ok() && step > 1, "all steps were tried: {step}");
                break;
            }
        }
    }
}

#[test]
fn a_reset_link_replaces_everything_and_ends_the_sessions() {
    let (house, old, _) = House::with_anna();
    let half = house.half();
    let (session, _) = house.answers(&half, &house.code(&old)).unwrap();
    let created = house.credential().created;
    let reset = house.link(Purpose::Reset);
    assert_eq!(
        house.stands(&session),
        Ok(()),
        "nothing changes before it is used"
    );
    let ready = block_on(house.sets_up(&reset, ANOTHER)).unwrap();
    assert_eq!(
        ready.act.what,
        What::LinkUsed {
            purpose: Purpose::Reset
        }
    );
    assert_eq!(house.stands(&session), Err(NotIn::Revoked));
    assert_eq!(house.credential().created, created);
    assert_eq!(
        house.logs_in(Some(&house.anna), PASSWORD),
        Err(LoginError::Refused)
    );
    let old = block_on(house.sets_up(&old, PASSWORD)).map(drop);
    assert_eq!(old, Err(SetUpError::Link(LinkError::Used)));
}

#[test]
fn who_has_no_access_yet_sets_up_and_gets_no_session() {
    let mut house = House::new();
    house.anna.access = false;
    let token = house.link(Purpose::Activate);
    let ready = block_on(house.sets_up(&token, PASSWORD)).unwrap();
    assert_eq!(ready.session, None);
    house.anna.access = true;
    house.half();
}

#[test]
fn a_damaged_credential_is_told_like_a_wrong_password_and_mended_by_a_reset_link() {
    let (house, _, _) = House::with_anna();
    house
        .world
        .spoil(&credential::key(house.anna.user), "{\"version\":");
    assert_eq!(
        house.logs_in(Some(&house.anna), PASSWORD),
        Err(LoginError::Refused)
    );
    assert!(house.world.logged().contains("login.record_damaged"));
    let reset = house.link(Purpose::Reset);
    assert!(block_on(house.sets_up(&reset, PASSWORD)).is_ok());
    house.half();
}

#[test]
fn an_answer_does_not_tell_whether_a_user_exists() {
    let (house, _, _) = House::with_anna();
    let inactive = Account {
        active: false,
        ..house.anna
    };
    let kept_out = Account {
        access: false,
        ..house.anna
    };
    let new = Account {
        user: UserId::new(&house.world),
        ..house.anna
    };
    let cases = [
        ("unknown", None, PASSWORD),
        ("wrong password", Some(&house.anna), ANOTHER),
        ("inactive", Some(&inactive), PASSWORD),
        ("no access", Some(&kept_out), PASSWORD),
        ("not activated", Some(&new), PASSWORD),
    ];
    let mut costs = Vec::new();
    for (what, account, password) in cases {
        let (reads, writes) = (house.world.reads.get(), house.world.store.writes());
        let name = format!("{what}@example.org");
        let client = Client::new(None);
        let tries = log_in(&house.world, &house.keys, account, &name, password, &client);
        let (hashed, answer) = hashes(|| block_on(tries));
        assert_eq!(answer, Err(LoginError::Refused), "{what}");
        assert_eq!(hashed, 1, "{what}: one hash is computed");
        costs.push((
            house.world.reads.get() - reads,
            house.world.store.writes() - writes,
        ));
    }
    assert!(
        costs.windows(2).all(|two| two[0] == two[1]),
        "the same reads and writes: {costs:?}"
    );
}

#[test]
fn brute_force_is_slowed_the_same_for_names_that_nobody_has() {
    let (house, _, _) = House::with_anna();
    let mut answers = [Vec::new(), Vec::new()];
    for (account, answers) in [Some(&house.anna), None].into_iter().zip(&mut answers) {
        let name = format!("{}@example.org", account.is_some());
        for _ in 0..8 {
            let client = Client::new(None);
            let tries = log_in(&house.world, &house.keys, account, &name, ANOTHER, &client);
            answers.push(block_on(tries).unwrap_err());
        }
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][4], LoginError::Refused);
    assert_eq!(
        answers[0][5],
        LoginError::Slow {
            wait: Duration::from_secs(1)
        }
    );
    let (hashed, _) = hashes(|| {
        let tries = log_in(
            &house.world,
            &house.keys,
            None,
            "false@example.org",
            PASSWORD,
            &house.client,
        );
        block_on(tries)
    });
    assert_eq!(hashed, 0, "what comes too early costs us nothing");
}

#[test]
fn an_address_that_tries_many_names_is_slowed() {
    let house = House::new();
    for at in 0..limits::ADDRESS_FAILURES {
        let name = format!("user{at}@example.org");
        let tries = log_in(
            &house.world,
            &house.keys,
            None,
            &name,
            PASSWORD,
            &house.client,
        );
        assert_eq!(block_on(tries), Err(LoginError::Refused));
    }
    let slowed = house.logs_in(None, PASSWORD);
    assert!(matches!(slowed, Err(LoginError::Slow { .. })), "{slowed:?}");
    let elsewhere = Client::new(Some("192.0.2.99"));
    let tries = log_in(&house.world, &house.keys, None, NAME, PASSWORD, &elsewhere);
    assert_eq!(block_on(tries), Err(LoginError::Refused));
}

#[test]
fn a_code_is_accepted_once_even_by_two_at_once() {
    let (house, token, _) = House::with_anna();
    let (one, other) = (house.half(), house.half());
    let code = house.code(&token);
    house.world.slow.set(true);
    let (world, keys, anna) = (&house.world, &house.keys, Some(&house.anna));
    let both = join(
        second_factor(world, keys, &one, anna, &code, &house.client),
        second_factor(world, keys, &other, anna, &code, &house.client),
    );
    let (first, second) = block_on(both);
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let late = house.answers(&house.half(), &code).map(drop);
    assert_eq!(late, Err(LoginError::Refused));
}

#[test]
fn a_recovery_code_stands_in_for_the_second_factor_once() {
    let (house, _, codes) = House::with_anna();
    let code = codes[7].as_str().to_lowercase();
    let (session, act) = house.answers(&house.half(), &code).unwrap();
    assert_eq!(act.unwrap().what, What::RecoveryUsed { left: 9 });
    assert_eq!(house.stands(&session), Ok(()));
    assert_eq!(
        house.answers(&house.half(), &code).map(drop),
        Err(LoginError::Refused)
    );
    assert_eq!(
        house
            .answers(&house.half(), "0000-0000-0000-0000")
            .map(drop),
        Err(LoginError::Refused)
    );
}

#[test]
fn guessing_the_second_factor_is_slowed_though_the_password_is_right_each_time() {
    let (house, token, _) = House::with_anna();
    for _ in 0..5 {
        let half = house.half();
        assert_eq!(
            house.answers(&half, "000000").map(drop),
            Err(LoginError::Refused)
        );
    }
    let half = house.half();
    let slowed = house.answers(&half, &house.code(&token)).map(drop);
    assert!(matches!(slowed, Err(LoginError::Slow { .. })), "{slowed:?}");
    house.world.pass(Duration::from_secs(2));
    assert!(
        house.answers(&half, &house.code(&token)).is_ok(),
        "slowed, not locked"
    );
}

#[test]
fn each_step_makes_a_session_of_a_new_name() {
    let (house, token, _) = House::with_anna();
    let (first, second) = (house.half(), house.half());
    assert_ne!(first.id(), second.id());
    let (session, _) = house.answers(&first, &house.code(&token)).unwrap();
    assert_ne!(session.id(), first.id());
    let changed = change_password(&house.world, &house.keys, &session, PASSWORD, ANOTHER, &[]);
    let (after, _) = block_on(changed).unwrap();
    assert_ne!(after.id(), session.id());
    assert_eq!(house.stands(&after), Ok(()));
}

#[test]
fn a_half_session_ends_with_the_password_that_made_it_and_with_the_access() {
    let (mut house, token, _) = House::with_anna();
    let half = house.half();
    let _ = block_on(revoke_all(&house.world, house.anna.user)).unwrap();
    let code = house.code(&token);
    assert_eq!(
        house.answers(&half, &code).map(drop),
        Err(LoginError::Refused)
    );
    let half = house.half();
    house.anna.active = false;
    assert_eq!(
        house.answers(&half, &code).map(drop),
        Err(LoginError::Refused)
    );
    house.anna.active = true;
    let other = Account {
        user: UserId::new(&house.world),
        ..house.anna
    };
    let swapped = second_factor(
        &house.world,
        &house.keys,
        &half,
        Some(&other),
        &code,
        &house.client,
    );
    assert_eq!(block_on(swapped).map(drop), Err(LoginError::Refused));
    assert!(house.answers(&half, &code).is_ok());
}

#[test]
fn changing_the_password_needs_the_old_one_and_ends_sessions_and_links() {
    let (house, token, _) = House::with_anna();
    let (session, _) = house.answers(&house.half(), &house.code(&token)).unwrap();
    let reset = house.link(Purpose::Reset);
    let change = |old: &str, new: &str| {
        let changed = change_password(&house.world, &house.keys, &session, old, new, &[NAME]);
        block_on(changed)
    };
    assert_eq!(
        change(ANOTHER, ANOTHER).map(drop),
        Err(ChangeError::Login(LoginError::Refused))
    );
    assert_eq!(
        change(PASSWORD, "short").map(drop),
        Err(ChangeError::Unfit(password::Unfit::Short))
    );
    let (after, act) = change(PASSWORD, ANOTHER).unwrap();
    assert_eq!(act.what, What::PasswordChanged);
    assert_eq!(
        (house.stands(&session), house.stands(&after)),
        (Err(NotIn::Revoked), Ok(()))
    );
    assert_eq!(
        change(ANOTHER, PASSWORD).map(drop),
        Err(ChangeError::Login(LoginError::Refused)),
        "the old session"
    );
    let void = block_on(house.sets_up(&reset, PASSWORD)).map(drop);
    assert_eq!(void, Err(SetUpError::Link(LinkError::Void)));
    assert_eq!(
        house.logs_in(Some(&house.anna), PASSWORD),
        Err(LoginError::Refused)
    );
    assert!(house.logs_in(Some(&house.anna), ANOTHER).is_ok());
}

#[test]
fn a_browser_that_was_left_open_does_not_guess_the_password() {
    let (house, token, _) = House::with_anna();
    let (session, _) = house.answers(&house.half(), &house.code(&token)).unwrap();
    let guess = || {
        let renewed = renew_recovery(&house.world, &house.keys, &session, ANOTHER);
        block_on(renewed).map(drop)
    };
    (0..5).for_each(|_| assert_eq!(guess(), Err(LoginError::Refused)));
    assert!(matches!(guess(), Err(LoginError::Slow { .. })));
}

#[test]
fn a_crash_at_any_step_of_a_login_or_a_change_leaves_the_user_able_to_log_in() {
    for dies in [Dies::Before, Dies::After] {
        for step in 0..8 {
            let (house, token, codes) = House::with_anna();
            house.world.dies.set(Some((step, dies)));
            if let Ok(Next::SecondFactor(half)) = house.logs_in(Some(&house.anna), PASSWORD)
                && let Ok((session, _)) = house.answers(&half, &house.code(&token))
            {
                let change =
                    change_password(&house.world, &house.keys, &session, PASSWORD, ANOTHER, &[]);
                let _ = block_on(change);
            }
            house.world.dies.set(None);
            house.world.pass(limits::ACCOUNT_WAIT);
            let next =
                [PASSWORD, ANOTHER].map(|password| house.logs_in(Some(&house.anna), password));
            let Some(Next::SecondFactor(half)) = next.into_iter().find_map(Result::ok) else {
                panic!("one of the two passwords stands: {dies:?} {step}");
            };
            assert!(
                house.answers(&half, codes[0].as_str()).is_ok(),
                "{dies:?} {step}"
            );
        }
    }
}

#[test]
fn where_a_password_will_do_it_leads_in_and_else_to_the_enrolment() {
    let mut house = House::new();
    house.anna.second_factor = SecondFactor::Offered;
    let token = house.link(Purpose::Activate);
    let form = Form {
        token: token.as_str(),
        password: Some(PASSWORD),
        code: None,
        own: &[NAME],
    };
    let ready = block_on(set_up(&house.world, &house.keys, &house.anna, &form)).unwrap();
    assert!(ready.codes.is_empty());
    let next = house.logs_in(Some(&house.anna), PASSWORD);
    assert!(matches!(next, Ok(Next::In(_))), "{next:?}");
    house.anna.second_factor = SecondFactor::Required;
    let Ok(Next::Enrol(half)) = house.logs_in(Some(&house.anna), PASSWORD) else {
        panic!("a second factor is to be enrolled");
    };
    let refused = house.answers(&half, "000000").map(drop);
    assert_eq!(
        refused,
        Err(LoginError::Refused),
        "there is none to answer with"
    );
    let enrols = |code: &str| {
        block_on(enrol(
            &house.world,
            &house.keys,
            &half,
            &house.anna,
            code,
            &house.client,
        ))
    };
    assert_eq!(enrols("000000").map(drop), Err(LoginError::Refused));
    let (session, codes, _) = enrols(&offered(&house.keys, &half).code(house.world.now())).unwrap();
    assert_eq!((house.stands(&session), codes.len()), (Ok(()), 10));
    house.world.pass(Duration::from_secs(60));
    let again = enrols(&offered(&house.keys, &half).code(house.world.now())).map(drop);
    assert_eq!(
        again,
        Err(LoginError::Refused),
        "who has one does not enrol another by the password"
    );
}

#[test]
fn nothing_secret_is_logged_printed_or_told() {
    let (house, token, codes) = House::with_anna();
    let half = house.half();
    let code = house.code(&token);
    let (session, _) = house.answers(&half, &code).unwrap();
    let refused = house.logs_in(None, "typed in the wrong field").unwrap_err();
    let (_, act) = house.answers(&house.half(), codes[1].as_str()).unwrap();
    let credential = house.credential();
    let cookie = session.cookie(&house.keys);
    let operator = crate::operate::operator(Some("Olga"), None);
    let shown = format!(
        "{} {credential:?} {session:?} {half:?} {codes:?} {refused} {refused:?} {:?} {:?} {:?}",
        house.world.logged(),
        house.keys,
        act.unwrap().audit(&operator, "lost the phone"),
        set_up::offered(&house.keys, token.as_str()),
    );
    let kept = serde_json::to_value(&credential).unwrap();
    let hash = kept["password"].as_str().unwrap();
    let secret = kept["totp"]["secret"].as_str().unwrap();
    let signature = cookie.rsplit('.').next().unwrap();
    let csrf = session.csrf(&house.keys);
    for secret in [
        PASSWORD,
        "wrong field",
        NAME,
        &code,
        hash,
        secret,
        signature,
        &csrf,
        token.as_str(),
        codes[1].as_str(),
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(
        shown.contains(&house.anna.user.to_string()),
        "the log knows who"
    );
}

#[test]
fn a_user_who_is_no_more_leaves_no_way_in() {
    let (house, token, _) = House::with_anna();
    let (session, _) = house.answers(&house.half(), &house.code(&token)).unwrap();
    let reset = house.link(Purpose::Reset);
    block_on(credential::forget(&house.world, house.anna.user)).unwrap();
    assert_eq!(house.stands(&session), Err(NotIn::Revoked));
    for link in [&token, &reset] {
        assert!(block_on(activation::open(&house.world, link.as_str())).is_err());
    }
}

#[test]
fn what_is_left_over_is_swept_and_what_counts_stays() {
    let (house, token, _) = House::with_anna();
    let (session, _) = house.answers(&house.half(), &house.code(&token)).unwrap();
    block_on(session::log_out(&house.world, &session)).unwrap();
    let _ = house.logs_in(None, ANOTHER);
    let before = house.world.store.keys();
    assert_eq!(
        block_on(sweep::sweep(&house.world, None)).unwrap(),
        sweep::Swept::default()
    );
    assert_eq!(house.world.store.keys(), before);
    house.world.pass(Duration::from_secs(100 * 86_400));
    let swept = block_on(sweep::sweep(&house.world, None)).unwrap();
    assert_eq!(swept.next, None);
    let left = house.world.store.keys();
    assert_eq!(
        left.len(),
        2,
        "the login and the name of its link: {left:?}"
    );
    assert_eq!(before.len() - left.len(), swept.removed);
}

#[test]
fn a_name_is_cut_where_a_name_ends() {
    let long = "ä".repeat(1_000);
    assert_eq!(bounded(&long).len(), limits::LOGIN_NAME_BYTES);
    assert_eq!(bounded("anna"), "anna");
    assert_eq!(
        bounded(&format!("x{long}")).len(),
        limits::LOGIN_NAME_BYTES - 1
    );
}
