//! A phone's copy of what its user may see, kept by pulling.

use crate::actors::Actor;
use crate::world::id;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Entities by bucket, kind and id.
pub(crate) type Entities = BTreeMap<(String, String, String), Value>;

/// What was pulled so far, and the cursor that goes with it.
#[derive(Default)]
pub(crate) struct Replica {
    pub(crate) cursor: Option<String>,
    pub(crate) entities: Entities,
    pub(crate) page_bytes_max: Option<i64>,
}

impl Replica {
    /// Everything that somebody may see, downloaded afresh.
    pub(crate) async fn download(actor: &Actor) -> Self {
        let mut replica = Self::default();
        replica.follow(actor).await;
        replica
    }

    /// Pulls until there is no more; gives the ids of the entities that came, in order.
    pub(crate) async fn follow(&mut self, actor: &Actor) -> Vec<String> {
        let mut came = Vec::new();
        loop {
            let page = self.page(actor).await;
            came.extend(page.iter().map(|entity| text(&entity["id"])));
            if page.is_empty() {
                return came;
            }
        }
    }

    /// Pulls one page and applies it together with its cursor; gives its entities.
    pub(crate) async fn page(&mut self, actor: &Actor) -> Vec<Value> {
        let mut pull = json!({ "cursor": self.cursor });
        if let Some(bytes) = self.page_bytes_max {
            pull["page_bytes_max"] = json!(bytes);
        }
        let body = json!({ "device": actor.device, "pull": pull });
        let response = actor.sync_raw(body.to_string()).await;
        assert_eq!(response.status(), StatusCode::OK, "a pull");
        let reply: Value = response.json().await.expect("JSON");
        self.apply(&reply["pull"])
    }

    /// Applies a page.
    pub(crate) fn apply(&mut self, page: &Value) -> Vec<Value> {
        let entities = page["entities"].as_array().expect("entities").clone();
        assert!(
            !(page["more"] == true && entities.is_empty()),
            "a page that promises more has some"
        );
        for entity in &entities {
            let key = (text(&entity["bucket"]), text(&entity["kind"]), text(&entity["id"]));
            self.entities.insert(key, entity["body"].clone());
        }
        self.cursor = Some(text(&page["cursor"]));
        entities
    }

    /// Where a room of the small street stands in its first round.
    pub(crate) fn state(&self, room: &str) -> &Value {
        let key = (id("building").to_string(), "office".to_owned(), id(room).to_string());
        &self.entities.get(&key).unwrap_or(&Value::Null)["rounds"][0]["state"]
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
