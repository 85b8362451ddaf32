//! A Postfix of our own: its own folder, its own ports, started and stopped by the test that has
//! it. It relays what it takes to a small server that remembers, so that the bytes can be compared.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use holdfast::demo_primary::{DemoPrimary, Inbox, Received};
use holdfast_tests::certificates::Certified;
use holdfast_tests::support::until;
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The server; it is stopped when this is dropped.
pub struct Postfix {
    folder: TempDir,
    address: SocketAddr,
    inbox: Inbox,
    _behind: DemoPrimary,
}

impl Postfix {
    /// Takes mail for `example.org` in the clear, from anybody on this machine.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Takes mail only after STARTTLS with this certificate.
    pub async fn with_certificate(certified: &Certified) -> Self {
        let postfix = Self::prepare().await;
        postfix.write("key.pem", &certified.key.serialize_pem());
        postfix.write("certificate.pem", &certified.certificate.pem());
        let folder = postfix.folder.path().display();
        postfix.configure(&format!(
            "smtpd_tls_security_level = encrypt\nsmtpd_tls_received_header = yes\n\
             smtpd_tls_cert_file = {folder}/certificate.pem\nsmtpd_tls_key_file = {folder}/key.pem\n"
        ));
        postfix.again().await;
        postfix
    }

    /// Takes mail only from those who authenticated; see [`super::sasl`] for who may.
    pub async fn with_authentication(socket: &Path) -> Self {
        Self::start_with(&format!(
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {}\n\
             smtpd_client_restrictions = permit_sasl_authenticated, reject\n",
            socket.display()
        ))
        .await
    }

    async fn start_with(settings: &str) -> Self {
        let postfix = Self::prepare().await;
        postfix.configure(settings);
        postfix.again().await;
        postfix
    }

    async fn prepare() -> Self {
        let version = Command::new("postconf")
            .args(["-h", "mail_version"])
            .output();
        let installed = version.is_ok_and(|output| output.status.success());
        assert!(
            installed,
            "Postfix is missing; install it with: sudo apt-get install -y postfix"
        );
        let folder = tempfile::tempdir().unwrap();
        // Postfix's processes run as a user of their own and have to find their way in.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["config", "queue", "data"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let owner = Command::new("chown")
            .arg("postfix")
            .arg(folder.path().join("data"))
            .status();
        assert!(
            owner.unwrap().success(),
            "a Postfix of our own needs root; run the tests as root"
        );
        let inbox = Inbox::new(KEPT);
        let behind = DemoPrimary::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), inbox.clone());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = port.local_addr().unwrap();
        Self {
            folder,
            address,
            inbox,
            _behind: behind.await.unwrap(),
        }
    }

    fn configure(&self, settings: &str) {
        let folder = self.folder.path().display();
        let behind = self._behind.address().port();
        self.write(
            "config/main.cf",
            &format!(
                "compatibility_level = 3.6\n\
                 queue_directory = {folder}/queue\ndata_directory = {folder}/data\n\
                 maillog_file = {folder}/data/mail.log\nmaillog_file_prefixes = {folder}\n\
                 myhostname = mail.example.org\nmydestination =\nmynetworks = 127.0.0.0/8\n\
                 inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
                 relay_domains = example.org\nrelay_transport = smtp:[127.0.0.1]:{behind}\n\
                 default_transport = error:nothing leaves this machine\n\
                 local_header_rewrite_clients =\n\
                 smtpd_recipient_restrictions =\n  check_recipient_access texthash:{folder}/config/recipients,\n  \
                 reject_unauth_destination\n{settings}"
            ),
        );
        self.write("config/recipients", RECIPIENTS);
        let port = self.address.port();
        self.write(
            "config/master.cf",
            &format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}"),
        );
    }

    /// Where it takes mail.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, or starts it again, and waits until it listens.
    pub async fn again(&self) {
        self.command("start");
        until("Postfix listens", async || {
            TcpStream::connect(self.address).await.is_ok()
        })
        .await;
    }

    /// Stops it; its port refuses connections afterwards.
    pub async fn stop(&self) {
        self.command("stop");
        until("Postfix is gone", async || {
            TcpStream::connect(self.address).await.is_err()
        })
        .await;
    }

    /// Kills it with all its processes, as a machine that loses its power would.
    pub async fn kill(&self) {
        let file = self.folder.path().join("queue/pid/master.pid");
        let master = fs::read_to_string(file).unwrap();
        // The master leads the group of all of them.
        let group = format!("-{}", master.trim());
        let killed = Command::new("kill").args(["-KILL", "--", &group]).status();
        assert!(killed.unwrap().success(), "Postfix was running");
        until("Postfix is gone", async || {
            TcpStream::connect(self.address).await.is_err()
        })
        .await;
    }

    /// All that arrived behind it so far.
    pub fn arrived(&self) -> Vec<Received> {
        self.inbox.messages()
    }

    /// What it relayed, once that are `count` messages.
    pub async fn relayed(&self, count: usize) -> Vec<Received> {
        until("Postfix relays", async || {
            self.inbox.messages().len() >= count
        })
        .await;
        // One too many would come soon.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let messages = self.inbox.messages();
        assert_eq!(messages.len(), count, "one message becomes one message");
        messages
    }

    /// What Postfix wrote into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/mail.log")).unwrap_or_default()
    }

    fn command(&self, command: &str) {
        let config = self.folder.path().join("config");
        // The server must not inherit our output, or whoever reads that waits for its end.
        let output = fs::File::create(self.folder.path().join("output")).unwrap();
        let status = Command::new("postfix")
            .arg("-c")
            .args([config.as_os_str(), command.as_ref()])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .status()
            .unwrap();
        let said = fs::read_to_string(self.folder.path().join("output")).unwrap_or_default();
        assert!(
            status.success(),
            "postfix {command}: {said}\n{}",
            self.log()
        );
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let config = self.folder.path().join("config");
        let mut stop = Command::new("postfix");
        stop.arg("-c").args([config.as_os_str(), "stop".as_ref()]);
        stop.stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

/// Messages that are remembered.
const KEPT: usize = 100_000;

/// Whom it refuses, for good and for now.
const RECIPIENTS: &str = "nobody@example.org 550 5.1.1 nobody of that name here\n\
                          later@example.org 450 4.2.1 this mailbox rests, come back later\n";

/// What Postfix needs to take mail and to relay it.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";
