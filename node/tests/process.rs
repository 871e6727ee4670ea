//! The binary as its operator meets it: a network of one, started, killed, restarted, and every way to start it wrongly.
#![allow(clippy::unwrap_used)]

use hnchain_crypto::{SecretKey, keyfile, sm3};
use hnchain_types::genesis::{Document, Genesis, Organization, Parameters, Role, Signer, Validator};
use hnchain_types::proto::{self, node_client::NodeClient};
use hnchain_types::transaction::{BodyBuilder, Receipt, Transaction};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tonic::transport::Channel;

const SOON: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a password of the test";

struct Setup {
    dir: tempfile::TempDir,
    writer: SecretKey,
    rpc: u16,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn genesis(chain: &str, validator: &SecretKey, writer: &SecretKey) -> Genesis {
    Genesis::create(&Document {
        version: 1,
        chain_id: chain.to_owned(),
        name: "河南链 测试".to_owned(),
        time_ms: now_ms(),
        parameters: Parameters { heartbeat_ms: 1_000, ..Parameters::default() },
        organizations: vec![Organization {
            id: "henan".to_owned(),
            name: "示例省级平台".to_owned(),
            credit_code: "91410000170001401D".to_owned(),
            division: "410000".to_owned(),
            parent: None,
        }],
        certificate_types: vec![],
        signers: vec![Signer {
            public_key: writer.public_key(),
            organization: "henan".to_owned(),
            roles: vec![Role::RegistryWriter { namespace: "certificate".to_owned() }],
            valid_from_ms: 0,
            valid_until_ms: 0,
        }],
        validators: vec![Validator::new(chain, "henan", validator)],
    })
    .unwrap()
}

impl Setup {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (validator, writer) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let setup = Self { dir, writer, rpc: free_port() };
        setup.write("genesis.json", genesis("henan-test", &validator, &setup.writer).raw());
        setup.write("key.pem", keyfile::encrypt(&validator, PASSWORD.as_bytes()).unwrap().as_bytes());
        setup.write("key.password", format!("{PASSWORD}\n").as_bytes());
        setup.configure("");
        setup
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn configure(&self, more: &str) {
        let (rpc, network) = (self.rpc, free_port());
        let text = format!(
            "genesis = \"genesis.json\"\ndata_dir = \"data\"\n[key]\nfile = \"key.pem\"\npassword_file = \"key.password\"\n\
             [rpc]\nlisten = \"127.0.0.1:{rpc}\"\n[network]\nlisten = \"127.0.0.1:{network}\"\n{more}"
        );
        self.write("node.toml", text.as_bytes());
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hnchain-node"));
        command.arg(verb).arg("--config").arg(self.path().join("node.toml")).env_remove("HNCHAIN_KEY_PASSWORD");
        command
    }

    fn start(&self) -> Node {
        let child = self.command("run").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        Node(Some(child))
    }

    /// Runs to the end, which must come by itself.
    fn fails(&self, verb: &str) -> (i32, String) {
        let output = self.command(verb).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("错误["), "{text}");
        (output.status.code().unwrap(), text)
    }

    async fn client(&self) -> NodeClient<Channel> {
        let deadline = Instant::now() + SOON;
        loop {
            match NodeClient::connect(format!("http://127.0.0.1:{}", self.rpc)).await {
                Ok(client) => return client,
                Err(e) => assert!(Instant::now() < deadline, "{e}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // polling a process, with a deadline
        }
    }

    fn anchor(&self, id: &str) -> Transaction {
        let mut salt = [0; 16];
        salt.copy_from_slice(&sm3(id.as_bytes()).0[..16]);
        let body = BodyBuilder::new("henan-test", 1_000_000, now_ms() + 120_000, salt)
            .anchor("certificate", id, 1, sm3(id.as_bytes()))
            .encode();
        Transaction::sign(body, &self.writer).unwrap()
    }
}

/// A running process; killed when a test fails.
struct Node(Option<Child>);

impl Node {
    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.as_ref().unwrap().id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    fn ended(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

async fn anchor(client: &mut NodeClient<Channel>, tx: &Transaction) -> Receipt {
    client.submit(proto::SubmitRequest { transaction: tx.raw().to_vec() }).await.unwrap();
    let wait = proto::WaitRequest { transaction_id: tx.id().as_ref().to_vec(), timeout_ms: 30_000 };
    Receipt::decode(&client.wait(wait).await.unwrap().into_inner().receipt).unwrap()
}

async fn version(client: &mut NodeClient<Channel>, id: &str) -> u64 {
    let request = proto::GetRecordRequest { namespace: "certificate".to_owned(), id: id.to_owned() };
    let row = client.get_record(request).await.unwrap().into_inner().record;
    <proto::Record as prost::Message>::decode(row.as_slice()).unwrap().version
}

#[tokio::test]
async fn a_single_node_anchors_survives_a_kill_and_stops_cleanly() {
    let setup = Setup::new();
    let node = setup.start();
    let mut client = setup.client().await;
    let receipt = anchor(&mut client, &setup.anchor("C-1")).await;
    assert!(receipt.accepted(), "{receipt:?}");
    node.signal(Signal::SIGKILL);
    node.ended();

    let node = setup.start();
    let mut client = setup.client().await;
    assert_eq!(version(&mut client, "C-1").await, 1, "acknowledged before the kill");
    assert!(anchor(&mut client, &setup.anchor("C-2")).await.accepted());
    node.signal(Signal::SIGTERM);
    let output = node.ended();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("SIGTERM") && log.contains("stopped"), "{log}");

    let node = setup.start();
    let mut client = setup.client().await;
    assert_eq!(version(&mut client, "C-2").await, 1);
    node.signal(Signal::SIGINT);
    assert_eq!(node.ended().status.code(), Some(0));
}

#[test]
fn check_describes_a_good_setup_and_writes_nothing() {
    let setup = Setup::new();
    let output = setup.command("check").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("henan-test") && text.contains("validator 0 of 1"), "{text}");
    assert!(!setup.path().join("data").exists());
}

#[test]
fn wrong_input_ends_with_code_2_and_leaves_nothing_behind() {
    let setup = Setup::new();
    for verb in ["check", "run"] {
        setup.configure("[mempool]\ntransactions = 0\n");
        let (exit, text) = setup.fails(verb);
        assert_eq!(exit, 2);
        assert!(text.contains("error[CONFIG_VALUE]: mempool.transactions = 0"), "{text}");

        setup.configure("[mempol]\n");
        assert!(setup.fails(verb).1.contains("CONFIG_SYNTAX"));
        setup.configure("");

        setup.write("key.password", b"wrong\n");
        let (exit, text) = setup.fails(verb);
        assert_eq!(exit, 2);
        assert!(text.contains("error[KEY_FILE_PASSWORD]") && text.contains("口令不正确"), "{text}");
        setup.write("key.password", PASSWORD.as_bytes());

        let genesis = std::fs::read(setup.path().join("genesis.json")).unwrap();
        setup.write("genesis.json", &genesis[..genesis.len() / 2]);
        assert!(setup.fails(verb).1.contains("GENESIS_INVALID"));
        setup.write("genesis.json", &genesis);
    }
    assert!(!setup.path().join("data").exists());
}

#[test]
fn the_environment_gives_the_password_where_no_file_is_configured() {
    let setup = Setup::new();
    let text = std::fs::read_to_string(setup.path().join("node.toml")).unwrap();
    setup.write("node.toml", text.replace("password_file = \"key.password\"\n", "").as_bytes());
    assert!(setup.fails("check").1.contains("KEY_PASSWORD_MISSING"));
    let output = setup.command("check").env("HNCHAIN_KEY_PASSWORD", PASSWORD).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_written() {
    let setup = Setup::new();
    let other = TcpListener::bind(("127.0.0.1", setup.rpc)).unwrap();
    let (exit, text) = setup.fails("run");
    assert_eq!(exit, 1);
    assert!(text.contains("error[RPC_PORT_IN_USE]") && text.contains(&setup.rpc.to_string()), "{text}");
    drop(other);

    // Both services on one address is the same mistake.
    let text = std::fs::read_to_string(setup.path().join("node.toml")).unwrap();
    let (head, _) = text.split_once("[network]").unwrap();
    setup.write("node.toml", format!("{head}[network]\nlisten = \"127.0.0.1:{}\"\n", setup.rpc).as_bytes());
    let (exit, text) = setup.fails("run");
    assert_eq!(exit, 1);
    assert!(text.contains("error[NET_PORT_IN_USE]"), "{text}");
    assert!(!setup.path().join("data").exists());
}

#[test]
fn check_says_when_the_chain_does_not_know_the_key() {
    let setup = Setup::new();
    let stranger = SecretKey::generate().unwrap();
    setup.write("key.pem", keyfile::encrypt(&stranger, PASSWORD.as_bytes()).unwrap().as_bytes());
    let output = setup.command("check").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("role       none") && text.contains("未登记"), "{text}");
}

#[tokio::test]
async fn the_data_directory_of_another_chain_is_refused() {
    let setup = Setup::new();
    let node = setup.start();
    setup.client().await;
    node.signal(Signal::SIGTERM);
    assert_eq!(node.ended().status.code(), Some(0));
    let validator = SecretKey::generate().unwrap();
    setup.write("genesis.json", genesis("kaifeng", &validator, &setup.writer).raw());
    let (exit, text) = setup.fails("run");
    assert_eq!(exit, 1);
    assert!(text.contains("error[STORE_OTHER_CHAIN]"), "{text}");
}
