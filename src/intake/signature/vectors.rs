//! Each scheme by its vendor's published example, named beside it. Where the vendor publishes none, the example was signed
//! by another implementation (Python's `hmac` and `cryptography`), and that is said.
#![allow(clippy::unwrap_used)]

use super::sign::Unsigned;
use super::*;

const EVENT: &str = r#"{"id":"evt_1","object":"event"}"#;
const STANDARD_BODY: &str = r#"{"test": 2432232314}"#;
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STANDARD_AT: i64 = 1_614_265_330;
const SENDGRID_BODY: &str = "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\",\
    \"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\
    \"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\
    \"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]\r\n";
const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
    response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
    trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

/// A signed post.
#[derive(Clone)]
struct Example {
    verify: &'static str,
    secret: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    url: &'static str,
    at: i64,
    id: Option<&'static str>,
    /// What of it is signed: the body, and the time.
    signs: (bool, bool),
}

fn example(
    verify: &'static str,
    secret: &'static str,
    headers: &[(&'static str, &str)],
    body: &str,
    at: i64,
) -> Example {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let url = "https://desk.example/v1/hooks/hubspot";
    Example { verify, secret, headers, body: body.into(), url, at, id: None, signs: (true, at != 0) }
}

fn examples() -> Vec<Example> {
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    vec![
        // The worked example of the Standard Webhooks specification and its reference libraries.
        Example {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ..example(
                "standard-webhooks",
                STANDARD_SECRET,
                &[
                    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                    ("webhook-timestamp", "1614265330"),
                    ("webhook-signature", STANDARD_SIGNATURE),
                ],
                STANDARD_BODY,
                STANDARD_AT,
            )
        },
        // v1a: the same message signed by Python's cryptography with the Ed25519 seed 00 01 … 1f; beside a v1 of no use.
        Example {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ..example(
                "standard-webhooks",
                "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
                &[
                    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                    ("webhook-timestamp", "1614265330"),
                    (
                        "webhook-signature",
                        "v1,AAAA v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ==",
                    ),
                ],
                STANDARD_BODY,
                STANDARD_AT,
            )
        },
        // docs.github.com, "Testing the webhook payload validation".
        example(
            "github",
            "It's a Secret to Everybody",
            &[("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
            "Hello, World!",
            0,
        ),
        // docs.slack.dev, "Verifying requests from Slack", the worked example.
        example(
            "slack",
            "8f742231b10e8888abcd99yyyzzz85a5",
            &[
                ("x-slack-request-timestamp", "1531420618"),
                ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            ],
            SLACK_BODY,
            1_531_420_618,
        ),
        // The validator's vector in Twilio's helper libraries (twilio-python, tests/unit/test_request_validator.py).
        Example {
            url: "https://mycompany.com/myapp.php?foo=1&bar=2",
            ..example(
                "twilio",
                "12345",
                &[form, ("x-twilio-signature", TWILIO_FORM)],
                "Digits=1234&CallSid=CA1234567890ABCDE&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309",
                0,
            )
        },
        // JSON with bodySHA256, signed by Python's hmac.
        Example {
            url: "https://mycompany.com/myapp.php?bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
            ..example(
                "twilio",
                "12345",
                &[json, ("x-twilio-signature", TWILIO_JSON)],
                r#"{"property": "value", "boolean": true}"#,
                0,
            )
        },
        // Twilio SendGrid's own libraries (sendgrid-python, test/unit/test_eventwebhook.py).
        example(
            "sendgrid",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
            &[
                ("x-twilio-email-event-webhook-timestamp", "1600112502"),
                (
                    "x-twilio-email-event-webhook-signature",
                    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
                ),
            ],
            SENDGRID_BODY,
            1_600_112_502,
        ),
        // From here on no vector is published: signed by Python's hmac after the vendor's page.
        example(
            "stripe",
            "whsec_test_secret",
            &[(
                "stripe-signature",
                "t=1492774577,v1=00,v1=654b43d3508ecadb3f8cefc4bc7d3d2bdc5ba9e03bf2c89b2d0657a8e24e4543,v0=11",
            )],
            EVENT,
            1_492_774_577,
        ),
        Example {
            id: Some("a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"),
            signs: (false, true),
            ..example(
                "mailgun",
                "key-0123456789abcdef0123456789abcdef",
                &[form],
                "timestamp=1529006854&token=a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0&\
                 signature=c8eda93e66d2c94a17d10e6589c0200a7bc417c935bee5dc17de70ba612c0a4b&subject=x",
                1_529_006_854,
            )
        },
        Example {
            id: Some("a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"),
            signs: (false, true),
            ..example(
                "mailgun",
                "key-0123456789abcdef0123456789abcdef",
                &[json],
                r#"{"signature":{"timestamp":"1529006854","token":"a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0","signature":"c8eda93e66d2c94a17d10e6589c0200a7bc417c935bee5dc17de70ba612c0a4b"}}"#,
                1_529_006_854,
            )
        },
        example(
            "typeform",
            "typeform-secret",
            &[("typeform-signature", "sha256=iZvK+TYopiYhhY0CX1aCohxZKRAffR0Fz5Jc0CqYcto=")],
            EVENT,
            0,
        ),
        Example {
            id: Some("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            ..example(
                "shopify",
                "hush-hush-hush",
                &[
                    ("x-shopify-hmac-sha256", "SLXHZ+dq6QYOZjmcgy/aygVgQDoAnwPbY/L63ujSMNM="),
                    ("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
                ],
                EVENT,
                0,
            )
        },
        // With the static secret of Zendesk's page for test webhooks.
        example(
            "zendesk",
            "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==",
            &[
                ("x-zendesk-webhook-signature-timestamp", "2021-03-25T05:09:27Z"),
                ("x-zendesk-webhook-signature", "0QQZ6xka5giivPI/AiQPVT8qlkJb7E1zeqlnBG11BIU="),
            ],
            EVENT,
            1_616_648_967,
        ),
        example(
            "intercom",
            "intercom-client-secret",
            &[("x-hub-signature", "sha1=d10ce344e0e12723003351ac78f6e54e96e97c80")],
            EVENT,
            0,
        ),
        example(
            "hubspot",
            "hubspot-app-secret",
            &[
                ("x-hubspot-request-timestamp", "1492774577000"),
                ("x-hubspot-signature-v3", "TcucUaH0lFgYjestLne59D0t+YgC731Q1meK7mtgZ38="),
            ],
            EVENT,
            1_492_774_577,
        ),
        // RFC 6750 §2.1, and RFC 7617 §2: its worked example, with a password long enough.
        Example {
            signs: (false, false),
            ..example(
                "bearer",
                "mF_9.B5f-4.1JqM-and-more",
                &[("authorization", "Bearer mF_9.B5f-4.1JqM-and-more")],
                EVENT,
                0,
            )
        },
        Example {
            signs: (false, false),
            ..example(
                "basic",
                "Aladdin:open sesame",
                &[("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")],
                EVENT,
                0,
            )
        },
        Example {
            signs: (false, false),
            ..example(
                "postmark",
                "Aladdin:open sesame",
                &[("authorization", "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")],
                EVENT,
                0,
            )
        },
    ]
}

const TWILIO_FORM: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const TWILIO_JSON: &str = "y77kIzt2vzLz71DgmJGsen2scGs=";

fn verifier(verify: &str, secrets: &[&str], settle: impl FnOnce(&mut Hook)) -> Verifier {
    let mut hook = Hook { name: "x".into(), ..Hook::default() };
    settle(&mut hook);
    let secrets: Vec<String> = secrets.iter().map(|text| (*text).to_owned()).collect();
    Verifier::open(&hook, Scheme::parse(verify).unwrap(), &secrets).unwrap()
}

fn headers(listed: &[(&str, String)]) -> HeaderMap {
    let parsed = |(name, value): &(&str, String)| {
        (name.parse::<axum::http::HeaderName>().unwrap(), value.parse::<axum::http::HeaderValue>().unwrap())
    };
    listed.iter().map(parsed).collect()
}

impl Example {
    fn check(&self, secrets: &[&str], now: i64) -> Result<Option<String>, Doubt> {
        let (headers, peer) = (headers(&self.headers), std::net::Ipv4Addr::LOCALHOST.into());
        let post = Post { headers: &headers, body: self.body.as_bytes(), url: self.url, peer };
        verifier(self.verify, secrets, |_| {}).verify(&post, now)
    }
}

/// Another secret of the same scheme.
fn other(verify: &str) -> &'static str {
    match verify {
        "standard-webhooks" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        "sendgrid" => {
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA=="
        }
        _ => "another:secret of the same kind",
    }
}

#[test]
fn published_examples_verify() {
    for example in examples() {
        let id = example.id.map(str::to_owned);
        assert_eq!(example.check(&[example.secret], example.at), Ok(id.clone()), "{}", example.verify);
        // Several secrets are valid at once; within the tolerance it is as good.
        assert_eq!(
            example.check(&[other(example.verify), example.secret], example.at + 300),
            Ok(id),
            "{}",
            example.verify
        );
    }
}

#[test]
fn anything_changed_is_doubted() {
    for example in examples() {
        let name = example.verify;
        let doubted = |changed: &Example, now: i64| changed.check(&[example.secret], now).unwrap_err();
        let wrong = example.check(&[other(name)], example.at).unwrap_err();
        assert!(matches!(wrong, Doubt::Wrong(_) | Doubt::Word), "{name}: {wrong}");
        assert!(example.check(&[], example.at).is_err(), "{name} without any secret");
        let (body, time) = example.signs;
        if body {
            doubted(&Example { body: format!("{} ", example.body), ..example.clone() }, example.at);
        }
        if time {
            for now in [example.at + 301, example.at - 301, i64::MAX, i64::MIN] {
                assert!(matches!(doubted(&example, now), Doubt::Stale(_)), "{name} at {now}");
            }
        }
        // Each header that counts: absent, cut off, and there twice.
        let counted =
            example.headers.iter().filter(|(name, _)| *name != "content-type" && *name != "x-shopify-webhook-id");
        for (header, value) in counted {
            let without: Vec<_> = example.headers.iter().filter(|(name, _)| name != header).cloned().collect();
            let with = |value: &str| [without.clone(), vec![(*header, value.to_owned())]].concat();
            doubted(&Example { headers: without.clone(), ..example.clone() }, example.at);
            doubted(&Example { headers: with(&value[..value.len() / 2]), ..example.clone() }, example.at);
            doubted(&Example { headers: with("v1,"), ..example.clone() }, example.at);
            let twice = [with(value), vec![(*header, value.clone())]].concat();
            let doubled = headers_twice(&twice);
            let post = Post {
                headers: &doubled,
                body: example.body.as_bytes(),
                url: example.url,
                peer: std::net::Ipv4Addr::LOCALHOST.into(),
            };
            assert!(
                verifier(name, &[example.secret], |_| {}).verify(&post, example.at).is_err(),
                "{name}: {header} twice"
            );
        }
    }
}

fn headers_twice(listed: &[(&str, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in listed {
        map.append(name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    map
}

#[test]
fn what_a_sender_would_write_is_what_the_vendors_write() {
    for example in examples() {
        let verifier = verifier(example.verify, &[example.secret], |_| {});
        let id = example.id.unwrap_or("msg_1");
        let content_type =
            example.headers.iter().find(|(name, _)| *name == "content-type").map_or("text/plain", |(_, value)| value);
        let unsigned = Unsigned { url: example.url, content_type, body: example.body.as_bytes(), id, at: example.at };
        match verifier.sign(&unsigned) {
            Ok(signed) => {
                let map: Vec<(&str, String)> =
                    signed.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let headers = headers(&map);
                let post = Post {
                    headers: &headers,
                    body: example.body.as_bytes(),
                    url: example.url,
                    peer: std::net::Ipv4Addr::LOCALHOST.into(),
                };
                assert!(verifier.verify(&post, example.at).is_ok(), "{}: {signed:?}", example.verify);
            }
            Err(why) => assert!(why.contains("public key") || why.contains("body"), "{why}"),
        }
    }
}

#[test]
fn an_id_is_one_that_can_be_told_apart() {
    let of = |id: &str| {
        let listed =
            [("webhook-id", id.to_owned()), ("webhook-timestamp", "1".into()), ("webhook-signature", "v1,AAAA".into())];
        let headers = headers(&listed);
        let post = Post { headers: &headers, body: b"", url: "", peer: std::net::Ipv4Addr::LOCALHOST.into() };
        verifier("standard-webhooks", &[STANDARD_SECRET], |_| {}).verify(&post, 1)
    };
    // Who has not signed learns nothing but that.
    let long = "a".repeat(256);
    for id in ["a.b", &long] {
        assert_eq!(of(id), Err(Doubt::Wrong("id.timestamp.body")));
        let verifier = verifier("standard-webhooks", &[STANDARD_SECRET], |_| {});
        let signed = verifier.sign(&Unsigned { url: "", content_type: "text/plain", body: b"x", id, at: 1 }).unwrap();
        let map: Vec<(&str, String)> = signed.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let headers = headers(&map);
        let post = Post { headers: &headers, body: b"x", url: "", peer: std::net::Ipv4Addr::LOCALHOST.into() };
        assert_eq!(verifier.verify(&post, 1), Err(Doubt::Id));
    }
    assert_eq!(of(""), Err(Doubt::Header("webhook-id".into())));
    assert_eq!(of("a"), Err(Doubt::Wrong("id.timestamp.body")));
}

#[test]
fn headers_have_other_names_elsewhere() {
    let secret = Secret::parse(STANDARD_SECRET).unwrap().sign("msg_1", 7, b"{}");
    let listed = [("svix-id", "msg_1".to_owned()), ("svix-timestamp", "7".into()), ("svix-signature", secret)];
    let headers = headers(&listed);
    let post = Post { headers: &headers, body: b"{}", url: "", peer: std::net::Ipv4Addr::LOCALHOST.into() };
    let svix = verifier("standard-webhooks", &[STANDARD_SECRET], |hook| hook.header = "Svix-Signature".into());
    assert_eq!(svix.verify(&post, 7), Ok(Some("msg_1".into())));
    assert!(verifier("standard-webhooks", &[STANDARD_SECRET], |_| {}).verify(&post, 7).is_err());
}

#[test]
fn only_a_named_proxy_speaks_for_a_certificate() {
    let listed = [("x-client-cert", "ab:cd:ef".to_owned()), ("x-delivery", "d-1".into())];
    let headers = headers(&listed);
    let of = |peer: &str, secret: &str| {
        let post = Post { headers: &headers, body: b"{}", url: "", peer: peer.parse().unwrap() };
        let settle = |hook: &mut Hook| {
            hook.header = "X-Client-Cert".into();
            hook.id_header = "X-Delivery".into();
            hook.proxies = vec!["10.0.0.0/24".into(), "::1".into()];
        };
        verifier("mtls-header", &[secret], settle).verify(&post, 0)
    };
    assert_eq!(of("10.0.0.9", "ab:cd:ef"), Ok(Some("d-1".into())));
    assert_eq!(of("::ffff:10.0.0.9", "ab:cd:ef"), Ok(Some("d-1".into())));
    assert_eq!(of("10.0.0.9", "ab:cd:e0"), Err(Doubt::Word));
    assert_eq!(of("127.0.0.1", "ab:cd:ef"), Err(Doubt::Proxy));
}

#[test]
fn the_usual_mistakes_are_named_and_nothing_else() {
    let sign = |key: &[u8], body: &[u8]| {
        let message: Message<'_> = [b"msg_1".as_slice(), b".", b"7", b".", body].map(Into::into).into();
        mac(key, &message, false)
    };
    let decoded = STANDARD.decode(&STANDARD_SECRET[6..]).unwrap();
    let diagnose = |signature: String, now: i64| {
        let listed =
            [("webhook-id", "msg_1".to_owned()), ("webhook-timestamp", "7".into()), ("webhook-signature", signature)];
        let headers = headers(&listed);
        let post = Post { headers: &headers, body: b"{}", url: "", peer: std::net::Ipv4Addr::LOCALHOST.into() };
        verifier("standard-webhooks", &[STANDARD_SECRET], |_| {}).diagnose(&post, now)
    };
    let check = |signature: String, part: &str| {
        let diagnosis = diagnose(signature, 7);
        assert!(!diagnosis.valid);
        assert!(diagnosis.hints.iter().any(|hint| hint.contains(part)), "{part}: {:?}", diagnosis.hints);
        let shown = serde_json::to_string(&diagnosis).unwrap();
        assert!(!shown.contains(&STANDARD.encode(sign(&decoded, b"{}"))) && !shown.contains("MfKQ9r8"), "{shown}");
    };
    let base64 = |mac: Vec<u8>| format!("v1,{}", STANDARD.encode(mac));
    check(base64(sign(STANDARD_SECRET.as_bytes(), b"{}")), "decode it first");
    check(base64(sign(&STANDARD_SECRET.as_bytes()[6..], b"{}")), "decode it first");
    check(format!("v1,{}", hex::encode(sign(&decoded, b"{}"))), "another encoding");
    check(STANDARD.encode(sign(&decoded, b"{}")), "another encoding");
    check(base64(mac(&decoded, &vec![b"{}".as_slice().into()], false)), "the body alone");
    check(base64(sign(&decoded, b"{}\n")), "white space");
    assert!(diagnose(base64(sign(&decoded, b"other")), 7).hints.is_empty());
    let good = diagnose(base64(sign(&decoded, b"{}")), 10);
    assert!(good.valid && good.hints.is_empty() && good.age_secs == Some(3) && good.id.as_deref() == Some("msg_1"));
    assert!(diagnose("v1,AAAA".into(), 9_000).doubt.unwrap().contains("8993 s"));
}
