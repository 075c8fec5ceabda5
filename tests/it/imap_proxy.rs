//! Mailboxes behind real proxies: SOCKS 5 and HTTP's CONNECT.

use deskclerk::config::mailbox::Imap;
use deskclerk::config::settings::Tls;

use crate::harness::{TestDesk, mail, until};
use crate::servers::dovecot::Dovecot;
use crate::servers::free_port;
use crate::servers::proxies::Proxy;

const USER: &str = "support@desk.example";

fn put(dovecot: &Dovecot, number: usize) {
    let id = format!("{number}@c");
    dovecot.save(USER, "INBOX", &mail("ann@customer.example", USER, &id, "Hello", "My report is empty."));
}

/// Why the door is shut, once it says these words.
async fn says(test: &TestDesk, words: &str) {
    until(words, async || {
        test.desk.doors.all().get("imap:support")?.because.clone().filter(|because| because.contains(words))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_comes_through_either_kind_and_a_refusal_says_why() {
    let dovecot = Dovecot::start();
    for (number, proxy) in [Proxy::socks(), Proxy::http(dovecot.imaps)].into_iter().enumerate() {
        put(&dovecot, number);
        let mut test = TestDesk::open(|_| {}).await;
        let door = |secret: &str| Imap {
            // A name, which the proxy resolves.
            host: "localhost".into(),
            tls: Tls::Implicit,
            port: dovecot.imaps,
            ca_file: dovecot.ca_file(),
            proxy: proxy.url.clone(),
            proxy_secret_file: if secret.is_empty() { Default::default() } else { proxy.secret_file(secret) },
            ..dovecot.door(USER)
        };
        let right = test.imap(door("desk:pass"));
        test.await_stored(number + 1).await;
        right.cancel();
        test.shut_doors().await;
        for secret in ["", "desk:guess"] {
            let wrong = test.imap(door(secret));
            says(&test, "proxy_secret_file").await;
            wrong.cancel();
            test.shut_doors().await;
        }
        test.imap(Imap { port: free_port(), ..door("desk:pass") });
        says(&test, "the proxy does not reach localhost").await;
        test.close().await;
        let nobody = Imap { proxy: format!("http://127.0.0.1:{}", free_port()), ..door("desk:pass") };
        let mut test = TestDesk::open(|_| {}).await;
        test.imap(nobody);
        says(&test, "cannot connect to the proxy").await;
        test.close().await;
    }
}
