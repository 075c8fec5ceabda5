//! The columns of a directory, by the headers that they are known by: the same for CSV, for the keys of JSON and for the
//! columns of a query.
//!
//! Knows names only, never what stands under them.

use serde_json::{Map, Value};

use super::fold;

/// What a column holds, and the headers by which it is known (folded), the likeliest first.
const COLUMNS: [(&str, &[&str]); 6] = [
    (
        "campaign_id",
        &[
            "campaign id",
            "campaignid",
            "id",
            "campaign",
            "campaign no",
            "campaign number",
            "cid",
            "kampagnen id",
            "kampagnenid",
            "kampagne id",
            "id kampagne",
            "id campagne",
            "id campana",
            "id da campanha",
            "id campanha",
            "id campagna",
            "identifier",
            "code",
        ],
    ),
    (
        "name",
        &[
            "name",
            "campaign name",
            "campaignname",
            "title",
            "titel",
            "kampagne",
            "kampagnenname",
            "nom",
            "nombre",
            "nome",
            "naam",
            "nazwa",
            "titre",
            "titulo",
        ],
    ),
    (
        "account",
        &[
            "account",
            "account name",
            "customer",
            "client",
            "company",
            "advertiser",
            "organisation",
            "organization",
            "kunde",
            "konto",
            "firma",
            "compte",
            "cliente",
            "cuenta",
            "conta",
            "klant",
            "klient",
        ],
    ),
    (
        "contacts",
        &[
            "contacts",
            "contact",
            "email",
            "emails",
            "e mail",
            "contact email",
            "addresses",
            "domains",
            "domain",
            "kontakte",
            "kontakt",
            "contactos",
            "contatos",
            "contatti",
        ],
    ),
    ("status", &["status", "state", "estado", "statut", "stato"]),
    ("aliases", &["aliases", "alias", "other names", "also known as", "aka", "aliasse"]),
];

/// The columns, as errors name them: the id and the name must be there.
pub const ID: usize = 0;
/// See [`ID`].
pub const NAME: usize = 1;
/// The others, in the order of `COLUMNS`.
pub const ACCOUNT: usize = 2;
/// See [`ACCOUNT`].
pub const CONTACTS: usize = 3;
/// See [`ACCOUNT`].
pub const STATUS: usize = 4;
/// See [`ACCOUNT`].
pub const ALIASES: usize = 5;

/// Which of these headers is which column.
pub fn places<'h>(headers: impl Iterator<Item = &'h str>) -> [Option<usize>; 6] {
    let headers: Vec<String> = headers.map(fold::folded).collect();
    std::array::from_fn(|column| {
        let (name, known) = COLUMNS[column];
        let exact = headers.iter().position(|header| *header == name.replace('_', " "));
        exact.or_else(|| known.iter().find_map(|known| headers.iter().position(|header| header == known)))
    })
}

/// The first column that must be there and is not.
pub fn missing(places: &[Option<usize>; 6]) -> Option<&'static str> {
    [ID, NAME].into_iter().find(|column| places[*column].is_none()).map(|column| COLUMNS[column].0)
}

/// The columns by which a sender is known to be on an account, where they are not there.
pub fn lacking(places: &[Option<usize>; 6]) -> Vec<&'static str> {
    [ACCOUNT, CONTACTS].into_iter().filter(|column| places[*column].is_none()).map(|column| COLUMNS[column].0).collect()
}

/// The keys of objects, read once where they are the same from object to object.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Vec<String>,
    places: [Option<usize>; 6],
}

impl Keys {
    /// Looks at the keys of an object.
    pub fn read(&mut self, object: &Map<String, Value>) {
        if !object.keys().eq(&self.keys) {
            self.places = places(object.keys().map(String::as_str));
            self.keys = object.keys().cloned().collect();
        }
    }

    /// What this column is called in the object that was read last.
    pub fn of(&self, column: usize) -> Option<&str> {
        self.places[column].map(|at| self.keys[at].as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_known_by_many_names() {
        let check = |headers: &str, expected: [Option<usize>; 6]| assert_eq!(places(headers.split(',')), expected);
        check("Campaign ID,Name,Konto,E-Mail", [Some(0), Some(1), Some(2), Some(3), None, None]);
        check("id,campaign_id,title,aka", [Some(1), Some(2), None, None, None, Some(3)]);
        check("kampagnen_id,kampagne", [Some(0), Some(1), None, None, None, None]);
        assert_eq!(missing(&places(["name"].into_iter())), Some("campaign_id"));
    }
}
