//! Sign-in by access tokens (XOAUTH2): a real Dovecot with its oauth2 passdb, and a token endpoint that it asks.

use std::fs;

use deskclerk::config::mailbox::Imap;

use crate::harness::{TestDesk, mail, until};
use crate::operations;
use crate::servers::dns::Dns;
use crate::servers::dovecot::Dovecot;
use crate::servers::tokens::Tokens;

const USER: &str = "support@desk.example";

fn put(dovecot: &Dovecot, number: usize) {
    let id = format!("{number}@c");
    dovecot.save(USER, "INBOX", &mail("ann@customer.example", USER, &id, "Hello", "My report is empty."));
}

async fn desk() -> TestDesk {
    TestDesk::open(|config| config.egress.allow = vec!["127.0.0.0/8".into()]).await
}

fn door(dovecot: &Dovecot, tokens: &Tokens, by_refresh: bool) -> Imap {
    Imap { oauth: Some(tokens.settings(by_refresh)), password_file: Default::default(), ..dovecot.door(USER) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_signs_in_for_itself_and_asks_once() {
    let tokens = Tokens::start(USER).await;
    let dovecot = Dovecot::with(&tokens.dovecot());
    put(&dovecot, 0);
    dovecot.doveadm(&["mailbox", "create", "-u", USER, "Junk"]);
    dovecot.save(USER, "Junk", &mail("ann@customer.example", USER, "junk@c", "Hello", "My report is empty."));
    let mut test = desk().await;
    let both = Imap { folders: vec!["Junk".into()], ..door(&dovecot, &tokens, false) };
    let first = test.imap(both.clone());
    test.await_stored(2).await;
    {
        let book = tokens.book();
        assert_eq!(book.asked.len(), 1, "one token for both folders");
        let field = |name: &str| book.asked[0].get(name).map(String::as_str);
        assert_eq!(field("grant_type"), Some("client_credentials"));
        assert_eq!((field("scope"), field("client_secret")), (Some("mail"), Some("hush")));
    }
    // The next process takes the token that is kept.
    first.cancel();
    put(&dovecot, 1);
    test.imap(both);
    test.await_stored(3).await;
    assert_eq!(tokens.book().asked.len(), 1);
    for entry in fs::read_dir(&test.desk.config.desk.data_dir).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        assert!(memchr::memmem::find(&bytes, b"access-1").is_none(), "{} shows the token", entry.path().display());
    }
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_and_each_newer_refresh_token_counts() {
    let tokens = Tokens::start(USER).await;
    let dovecot = Dovecot::with(&tokens.dovecot());
    put(&dovecot, 0);
    let mut test = desk().await;
    let first = test.imap(door(&dovecot, &tokens, true));
    test.await_stored(1).await;
    assert_eq!(tokens.book().refresh, "refresh-1");
    // The server takes the token back; the endpoint takes none but the refresh token that it gave last.
    tokens.book().revoke();
    dovecot.kick(USER);
    put(&dovecot, 1);
    test.await_stored(2).await;
    assert_eq!(tokens.book().asked.len(), 2);
    // Nor does the next process begin with the file's.
    first.cancel();
    tokens.book().revoke();
    put(&dovecot, 2);
    let second = test.imap(door(&dovecot, &tokens, true));
    test.await_stored(3).await;
    assert_eq!(tokens.book().asked.len(), 3);
    assert_eq!(fs::read_to_string(tokens.refresh_file()).unwrap(), "refresh-0\n");
    // A new one in the file counts before what came of the old one.
    second.cancel();
    tokens.book().revoke();
    tokens.book().refresh = "given-anew".into();
    fs::write(tokens.refresh_file(), "given-anew").unwrap();
    put(&dovecot, 3);
    test.imap(door(&dovecot, &tokens, true));
    test.await_stored(4).await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_its_end() {
    let tokens = Tokens::start(USER).await;
    tokens.book().life = 1;
    let dovecot = Dovecot::with(&tokens.dovecot());
    put(&dovecot, 0);
    let mut test = desk().await;
    test.imap(door(&dovecot, &tokens, true));
    test.await_stored(1).await;
    until("a sign-in with another token", async || {
        dovecot.kick(USER);
        (tokens.book().asked.len() > 1).then_some(())
    })
    .await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_refuses_is_told_of_and_left_alone() {
    let tokens = Tokens::start(USER).await;
    tokens.book().refusal = "invalid_grant".into();
    let dovecot = Dovecot::with(&tokens.dovecot());
    put(&dovecot, 0);
    let mut test = desk().await;
    test.imap(door(&dovecot, &tokens, true));
    let because = until("the door to say why", async || {
        test.desk.doors.all().get("imap:support")?.because.clone().filter(|because| because.contains("token"))
    })
    .await;
    assert!(because.contains("invalid_grant") && because.contains("the administrator took it back"), "{because}");
    let doors = test.desk.checks().await.into_iter().find(|check| check.name == "doors").unwrap();
    assert!(!doors.ok && doors.because.unwrap().contains("invalid_grant"));
    assert_eq!(tokens.book().asked.len(), 1, "asked once, then it waits");
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_until_when_the_token_is_good() {
    let tokens = Tokens::start(USER).await;
    let dovecot = Dovecot::with(&tokens.dovecot());
    put(&dovecot, 0);
    let dns = Dns::start(&[("desk.example", "v=spf1 -all")]);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("deskclerk.toml");
    let look = |by_refresh: bool| {
        let oauth = tokens.settings(by_refresh);
        let refresh = if by_refresh { oauth.refresh_token_file.display().to_string() } else { String::new() };
        let text = format!(
            "[desk]\naddress = \"{USER}\"\nresolver = \"127.0.0.1:{}\"\n[egress]\nallow = [\"127.0.0.1\"]\n[http]\nlisten = \
             \"127.0.0.1:{}\"\n[[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \
             \"{USER}\"\n[imap.oauth]\ntoken_url = \"{}\"\nclient_id = \"desk\"\nclient_secret_file = \"{}\"\n\
             refresh_token_file = \"{refresh}\"\n",
            dns.port,
            crate::servers::free_port(),
            dovecot.imap,
            oauth.token_url,
            oauth.client_secret_file.display(),
        );
        fs::write(&config, text).unwrap();
        operations::run(&config, &["doctor", "--format", "json"]).1
    };
    let found = tokio::task::block_in_place(|| look(false));
    assert!(found.contains("there is an access token; it is used until 20"), "{found}");
    assert!(found.contains("1 mails in INBOX"), "{found}");
    assert!(!found.contains("access-1"), "{found}");
    // A refresh token may be good once: only the daemon redeems it.
    let found = tokio::task::block_in_place(|| look(true));
    assert!(found.contains("good for one time only"), "{found}");
    let book = tokens.book();
    assert_eq!((book.asked.len(), book.refresh.as_str()), (1, "refresh-0"));
}
