//! Puts a node together, runs it until it is told to stop, and takes it apart.

use crate::accountability::{self, Accusations};
use crate::admission::{Admission, Peers, disseminate};
use crate::config::Config;
use crate::driver;
use crate::failure::Failure;
use crate::finality::FinalityHub;
use crate::materials::{Materials, transport_seed};
use crate::membership;
use crate::mempool::Mempool;
use crate::rpc::Rpc;
use crate::shared::{Committee, Role, Shared};
use crate::status::{Standing, StatusBoard};
use crate::telemetry::sample::Sampler;
use crate::verify::Verifier;
use hnchain_consensus::Position;
use hnchain_crypto::PublicKey;
use hnchain_ledger::{Chain, genesis_rows};
use hnchain_network::NetworkError;
use hnchain_storage::{Journal, Store};
use hnchain_types::genesis::Genesis;
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// After this long the process ends without waiting for its parts any more. Nothing is lost: what was acknowledged is
/// synced.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs a node until `stop` is cancelled.
///
/// # Errors
/// The node could not start, or one of its parts failed.
pub async fn run(
    config: Config,
    materials: Materials,
    trust_new_journal: bool,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let Materials { genesis, key, .. } = materials;
    // The ports first: with one in use nothing has been touched yet.
    let listener = listen(config.rpc.listen).await?;
    network_port_is_free(config.network.listen)?;
    let store = Store::open(&config.data_dir, &genesis, &genesis_rows(&genesis))?;
    let (journal, records) = Journal::open(&config.data_dir)?;
    let seed = transport_seed(&config.data_dir)?;
    let shared = shared(&config, genesis, key.public_key(), store)?;
    let mut network_config = hnchain_network::Config::new(
        shared.genesis.digest(),
        key.clone(),
        config.network.listen,
        membership::allowed(&shared)?,
        *seed,
    );
    network_config.peers.clone_from(&config.network.peers);
    let (network, mut events) = hnchain_network::start(network_config).await?;
    // Admission reads the transactions, the driver everything else.
    let (closed, placeholder) = tokio::sync::mpsc::channel(1);
    drop(closed);
    let transactions = std::mem::replace(&mut events.transactions, placeholder);

    let (admission, forward) = Admission::new(Arc::clone(&shared));
    let peers = Peers::new(Arc::clone(&admission));
    let sampler = Sampler {
        shared: Arc::clone(&shared),
        admission: Arc::clone(&admission),
        backlog: peers.backlog(),
        network: network.clone(),
        metrics: metrics.clone(),
    };
    let accusations = Accusations::open(&config.data_dir, Arc::clone(&shared), Arc::clone(&admission), key.clone())?;
    let rpc = Rpc::new(Arc::clone(&shared), admission, config.rpc.clone(), metrics, stop.clone());
    announce(&shared, &config);

    tokio::spawn(peers.run(transactions, stop.clone()));
    tokio::spawn(disseminate(forward, network.clone(), Arc::clone(&shared.mempool), stop.clone()));
    tokio::spawn(sampler.run(stop.clone()));
    tokio::spawn(membership::follow(Arc::clone(&shared), network.clone(), stop.clone()));
    let (accuse, evidence) = tokio::sync::mpsc::channel(accountability::PENDING);
    tokio::spawn(accusations.run(evidence, stop.clone()));
    let rpc = tokio::spawn(rpc.serve(listener));
    let driver = driver::start(
        Arc::clone(&shared),
        key,
        network.clone(),
        events,
        journal,
        records,
        trust_new_journal,
        accuse,
        stop.clone(),
    );
    let outcome = wait(driver, rpc, &stop).await;
    if tokio::time::timeout(PATIENCE, network.shutdown()).await.is_err() {
        tracing::warn!("the network did not close in time");
    }
    tracing::info!(height = %shared.store.tip().height, "stopped");
    outcome
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| {
        if e.kind() == std::io::ErrorKind::AddrInUse {
            Failure::refused(
                "RPC_PORT_IN_USE",
                format!("{address} is already in use; stop the other process or change rpc.listen"),
                format!("地址 {address} 已被占用；请停止占用它的进程，或修改 rpc.listen"),
            )
        } else {
            Failure::refused(
                "RPC_LISTEN",
                format!("cannot listen on {address}: {e}; check rpc.listen"),
                format!("无法监听 {address}：{e}；请检查 rpc.listen"),
            )
        }
    })
}

/// The network listens later; what else can go wrong with the address it says itself.
fn network_port_is_free(address: SocketAddr) -> Result<(), Failure> {
    match std::net::TcpListener::bind(address) {
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => Err(NetworkError::PortInUse(address).into()),
        _ => Ok(()),
    }
}

fn shared(config: &Config, genesis: Genesis, key: PublicKey, store: Store) -> Result<Arc<Shared>, Failure> {
    let mempool = Arc::new(Mempool::new(config.mempool));
    let verifier = Verifier::start(config.verify_threads).map_err(|e| {
        Failure::refused(
            "THREADS",
            format!("the system refuses verification threads: {e}; lower verify.threads"),
            format!("系统无法创建验签线程：{e}；请减小 verify.threads"),
        )
    })?;
    let status = StatusBoard::default();
    let (tip, committee) = Committee::after_tip(&store)?;
    status.set_height(tip.height);
    let position = Position { epoch: committee.epoch, view: tip.view };
    status.set_standing(Standing { position, entry: tip.certificate.clone(), waking: false });
    let finality = FinalityHub::new(Arc::clone(&mempool), config.rpc.waiters, tip.height);
    Ok(Arc::new(Shared {
        chain: Chain::new(&genesis),
        genesis,
        key,
        store,
        committee: watch::Sender::new(Arc::new(committee)),
        mempool,
        verifier: Arc::new(verifier),
        finality,
        status: Arc::new(status),
    }))
}

fn announce(shared: &Shared, config: &Config) {
    let (tip, role, committee) = (shared.store.tip(), shared.role(), shared.committee());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        chain = %shared.chain.chain_id,
        genesis = %shared.chain.genesis,
        key = %shared.key,
        ?role,
        epoch = %committee.epoch,
        validators = committee.validators.len(),
        height = %tip.height,
        rpc = %config.rpc.listen,
        network = %config.network.listen,
        peers = config.network.peers.len(),
        verify_threads = shared.verifier.threads(),
        "started"
    );
    if role == Role::Observer {
        tracing::info!("this key is no validator of the present epoch; following without voting");
    }
    if matches!(membership::allowed(shared), Ok(allowed) if !allowed.contains(&shared.key)) {
        tracing::warn!(
            "by the state here this key is neither a validator nor an observer: peers that know no better refuse its links / \
             按本节点的状态，该密钥既非验证节点也非观察节点，其他节点可能拒绝与之连接"
        );
    }
}

type DriverTask = tokio::task::JoinHandle<Result<(), driver::DriverError>>;
type RpcTask = tokio::task::JoinHandle<Result<(), tonic::transport::Error>>;

/// Waits for the end of driver and service; whichever ends first brings down the other.
async fn wait(mut driver: DriverTask, mut rpc: RpcTask, stop: &CancellationToken) -> Result<(), Failure> {
    let outcome = tokio::select! {
        ended = &mut driver => driver_outcome(ended, stop),
        ended = &mut rpc => rpc_outcome(ended, stop),
    };
    stop.cancel();
    let rest = async {
        let mut outcome = outcome;
        if !driver.is_finished() {
            let ended = (&mut driver).await;
            outcome = outcome.and(driver_outcome(ended, stop));
        }
        if !rpc.is_finished() {
            let ended = (&mut rpc).await;
            outcome = outcome.and(rpc_outcome(ended, stop));
        }
        outcome
    };
    match tokio::time::timeout(PATIENCE, rest).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::refused(
            "STOP_TIMEOUT",
            "a part of the node did not stop in time; what was acknowledged is stored",
            "节点的部分组件未能及时停止；已确认的数据均已落盘",
        )),
    }
}

fn driver_outcome(
    ended: Result<Result<(), driver::DriverError>, tokio::task::JoinError>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    match ended {
        Ok(Ok(())) if stop.is_cancelled() => Ok(()),
        Ok(Ok(())) => Err(Failure::refused("DRIVER", "consensus ended by itself", "共识组件自行退出")),
        Ok(Err(e)) => Err(Failure::refused(e.code(), e.to_string(), e.zh())),
        Err(e) => Err(Failure::refused("DRIVER", format!("consensus failed: {e}"), format!("共识组件异常：{e}"))),
    }
}

fn rpc_outcome(
    ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    match ended {
        Ok(Ok(())) if stop.is_cancelled() => Ok(()),
        Ok(Ok(())) => Err(Failure::refused("RPC", "the service ended by itself", "对外服务自行退出")),
        Ok(Err(e)) => Err(Failure::refused("RPC", format!("the service failed: {e}"), format!("对外服务异常：{e}"))),
        Err(e) => Err(Failure::refused("RPC", format!("the service failed: {e}"), format!("对外服务异常：{e}"))),
    }
}
