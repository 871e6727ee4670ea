//! Keys: `keygen`, `key show`, and opening the key that signs.

use crate::args::{ChainId, Key, KeyCommand, Keygen, Password};
use crate::context::{Context, fields, path_json};
use crate::failure::Failure;
use crate::files::{self, Access, Existing};
use crate::records::chain_id;
use hnchain_crypto::keyfile::{self, KeyFileError};
use hnchain_crypto::{PublicKey, SecretKey};
use hnchain_sdk::{Client, Signer};
use std::io::IsTerminal;
use std::path::Path;
use zeroize::Zeroizing;

/// Environment variable with the password.
const PASSWORD_VARIABLE: &str = "HNCHAIN_KEY_PASSWORD";
/// Shortest password of a new key, in characters: GB/T 39786 asks for at least 8.
const PASSWORD_CHARS: usize = 8;

/// `keygen`.
///
/// # Errors
/// The file exists, the password is too short or not repeated, or the system fails.
pub(crate) fn keygen(context: &Context, args: &Keygen) -> Result<(), Failure> {
    // Before the password is asked for: nobody likes to type it in vain.
    if args.out.symlink_metadata().is_ok() {
        return Err(Failure::usage(
            "FILE_EXISTS",
            format!("{} exists; a key is never replaced", args.out.display()),
            format!("{} 已存在，密钥文件不会被覆盖", args.out.display()),
        )
        .hint("choose another name", "请另选文件名"));
    }
    let password = match given(&args.password)? {
        Some(password) => password,
        None => ask_twice(context)?,
    };
    if std::str::from_utf8(&password).map_or(password.len(), |s| s.chars().count()) < PASSWORD_CHARS {
        return Err(Failure::usage(
            "PASSWORD_SHORT",
            format!("the password of a new key has at least {PASSWORD_CHARS} characters"),
            format!("新密钥的口令至少 {PASSWORD_CHARS} 个字符"),
        ));
    }
    let key = SecretKey::generate().map_err(KeyFileError::from)?;
    let pem = Zeroizing::new(keyfile::encrypt(&key, &password)?);
    files::write(&args.out, pem.as_bytes(), Access::Owner, Existing::Refuse)?;
    shown(context, &args.out, key.public_key())
}

/// `key show`.
///
/// # Errors
/// The file cannot be opened with the password.
pub(crate) fn key(context: &Context, command: &KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Show { file, password } = command;
    let key = open_file(context, file, password)?;
    shown(context, file, key.public_key())
}

fn shown(context: &Context, file: &Path, public: PublicKey) -> Result<(), Failure> {
    let l = context.lang;
    let text = fields([
        (l.pick("密钥文件", "key file"), file.display().to_string()),
        (l.pick("公钥", "public key"), public.to_string()),
        (l.pick("指纹", "fingerprint"), public.fingerprint().to_string()),
    ]);
    let json = serde_json::json!({"file": path_json(file), "public_key": public, "fingerprint": public.fingerprint()});
    context.print(&text, &json)
}

/// Opens the key that signs.
///
/// # Errors
/// As [`key`].
pub(crate) fn open(context: &Context, key: &Key) -> Result<SecretKey, Failure> {
    open_file(context, &key.key, &key.password)
}

/// Opens the key first (no question to a node is worth a wrong password), and gives what signs for the nodes' chain.
///
/// # Errors
/// As [`key`]; or no node says which chain it is.
pub(crate) async fn signer(context: &Context, key: &Key, chain: &ChainId) -> Result<(Client, Signer), Failure> {
    let key = open(context, key)?;
    let client = context.client()?;
    let chain = chain_id(&client, chain).await?;
    Ok((client, Signer::new(key, &chain)))
}

/// Opens a key file.
///
/// # Errors
/// As [`key`].
pub(crate) fn open_file(context: &Context, file: &Path, password: &Password) -> Result<SecretKey, Failure> {
    let pem = Zeroizing::new(files::read_text(file, keyfile::MAX_FILE_BYTES)?);
    let password = match given(password)? {
        Some(password) => password,
        None => prompt(&format!("{} {}: ", context.lang.pick("口令", "Password of"), file.display()))?,
    };
    keyfile::decrypt(&pem, &password).map_err(|e| {
        let wrong = matches!(e, KeyFileError::WrongPassword);
        let failure = Failure::from(e).named(file);
        if wrong {
            failure.hint(
                format!("give the password with --password-file or {PASSWORD_VARIABLE}, or leave both out to be asked"),
                format!("请用 --password-file 或环境变量 {PASSWORD_VARIABLE} 提供口令；两者都不给时会提示输入"),
            )
        } else {
            failure
        }
    })
}

/// The password from a file or the environment.
fn given(password: &Password) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    if let Some(file) = &password.password_file {
        let text = Zeroizing::new(files::read(file, keyfile::MAX_PASSWORD_BYTES + 2)?);
        // Editors end a file with a line end that is no part of the password.
        let line = text.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_vec())));
    }
    Ok(std::env::var_os(PASSWORD_VARIABLE).map(|v| Zeroizing::new(v.into_encoded_bytes())))
}

fn ask_twice(context: &Context) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = prompt(context.lang.pick("新密钥的口令：", "Password of the new key: "))?;
    let second = prompt(context.lang.pick("再次输入：", "Again: "))?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure::usage("PASSWORD_REPEAT", "the two passwords differ", "两次输入的口令不一致"))
    }
}

fn prompt(text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let no_terminal = || {
        Failure::usage(
            "PASSWORD_MISSING",
            "no password was given and there is no terminal to ask",
            "未提供口令，且没有终端可供输入",
        )
        .hint(
            format!("use --password-file FILE or set {PASSWORD_VARIABLE}"),
            format!("请使用 --password-file 文件，或设置环境变量 {PASSWORD_VARIABLE}"),
        )
    };
    if !std::io::stdin().is_terminal() {
        return Err(no_terminal());
    }
    let password = rpassword::prompt_password(text).map_err(|_| no_terminal())?;
    Ok(Zeroizing::new(password.into_bytes()))
}
