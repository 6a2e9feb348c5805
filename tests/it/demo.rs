//! The demo's story, figure by figure, on both databases.

use crate::world::{World, run_in_each};
use saolou_server::demo::{accounts, loader, make_admin, midway, story};
use saolou_server::demo::{accounts::PASSWORD, phone::Session};
use serde_json::Value;

async fn loaded(world: &World) {
    world.clock.set_ms(accounts::PUBLISHED_MS);
    make_admin(world.settings()).await.expect("the administrator");
    let load = loader::load(&world.base, accounts::ADMIN, PASSWORD, |_| ());
    load.await.expect("a loaded street");
}

#[test]
fn four_days_of_the_story_show_the_expected_figures_at_every_moment() {
    run_in_each("story", World::empty, async |world| {
        loaded(&world).await;
        let set_clock = |at_ms| world.clock.set_ms(at_ms);
        let told = story::replay(&world.base, set_clock, |_| ()).await.expect("a story told");
        assert_eq!(told.duplicates, 0);
        assert_eq!(told.moments.len(), 7);
        for moment in &told.moments {
            assert_eq!(moment.observed, moment.expected, "{}", moment.label_en);
            assert_eq!(moment.observed_state, moment.expected_state, "{}", moment.label_en);
            for floor in &moment.floors {
                assert_eq!(floor.observed.as_ref(), Some(&floor.expected), "{}", floor.label);
            }
        }
        assert!(told.moments.iter().any(|moment| moment.floors.len() == 8), "the table of Tuesday");
        let again = story::replay(&world.base, set_clock, |_| ()).await.expect("told again");
        assert_eq!(again.duplicates, again.ops, "telling it twice adds nothing");
        assert!(again.moments.last().is_some_and(story::Moment::holds));
    });
}

#[test]
fn the_whole_street_stands_in_mid_campaign_and_its_parts_add_up() {
    run_in_each("street", World::empty, async |world| {
        loaded(&world).await;
        let set_clock = |at_ms| world.clock.set_ms(at_ms);
        set_clock(story::SUNDAY_MS);
        let mut telling = story::Telling::begin(&world.base).await.expect("a story begun");
        let mut rest = midway::Rest::begin(&world.base).await.expect("phones signed in");
        for evening_ms in midway::EVENINGS {
            telling.until(evening_ms, set_clock, |_| ()).await.expect("a story told");
            set_clock(evening_ms);
            rest.bring_in(evening_ms, |_, _| ()).await.expect("the rest of the street");
        }
        assert!(telling.told().moments.iter().all(story::Moment::holds));
        let tally = rest.tally();
        assert_eq!((tally.visits, tally.duplicates), (900, 0));
        let places = "from (select count(*) as places from licence_site \
             group by street_id, uscc, round_id) as licence where places";
        assert!(world.number(&format!("select count(*) {places} = 1")).await > 500);
        assert_eq!(world.number(&format!("select count(*) {places} > 1")).await, 0);
        let mut qian =
            Session::sign_in(&world.base, accounts::SUPERVISOR, PASSWORD).await.expect("qian");
        let street = accounts::unit_id(accounts::STREET);
        let path = format!("/api/v1/coverage/{street}");
        let roll_up: Value = qian.read(&path).await.expect("a roll-up");
        let count = |of: &Value, name: &str| of["counts"][name].as_i64().unwrap_or(0);
        // 1,646 rooms; 603 became two and 907 was added; 803 and twenty homes were excluded.
        assert_eq!(count(&roll_up, "in_scope"), 1646 + 1 + 1 - 1 - 20);
        assert_eq!(count(&roll_up, "excluded"), 21);
        assert_eq!(count(&roll_up, "buildings"), 12);
        let children = roll_up["children"].as_array().expect("communities");
        let buildings: Value =
            qian.read(&format!("/api/v1/buildings?unit={street}")).await.expect("buildings");
        let buildings = buildings["buildings"].as_array().expect("a list");
        assert_eq!((children.len(), buildings.len()), (3, 12));
        for name in ["in_scope", "covered", "locked", "blocked", "partial", "evidence_pending"] {
            let of_all = count(&roll_up, name);
            assert!(of_all > 0, "{name}");
            assert_eq!(of_all, children.iter().map(|c| count(c, name)).sum::<i64>(), "{name}");
            assert_eq!(of_all, buildings.iter().map(|b| count(b, name)).sum::<i64>(), "{name}");
        }
    });
}
