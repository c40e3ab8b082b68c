//! Folders, search and dashboards.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{Dashboard, Folder, Instance};
use crate::sim::effects::suffix;
use crate::sim::planes::exchange::{Answer, Request};

fn failure(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({"message": message}))
}

fn slug(title: &str) -> String {
    let words: Vec<String> = title
        .to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.join("-")
}

fn folder_body(folder: &Folder) -> Value {
    json!({"uid": folder.uid, "title": folder.title, "url": format!("/dashboards/f/{}/{}", folder.uid, slug(&folder.title))})
}

/// `GET /api/folders`.
pub fn folders(instance: &Instance, now: Timestamp) -> Answer {
    Answer::json(200, &instance.all_folders(now).iter().map(folder_body).collect())
}

/// `GET /api/folders/{uid}`.
pub fn folder(instance: &Instance, now: Timestamp, uid: &str) -> Answer {
    match instance.all_folders(now).iter().find(|folder| folder.uid == uid) {
        Some(folder) => Answer::json(200, &folder_body(folder)),
        None => failure(404, "folder not found"),
    }
}

/// `POST /api/folders`.
pub fn create_folder(instance: &mut Instance, now: Timestamp, body: &Value) -> Answer {
    let Some(title) = body.get("title").and_then(Value::as_str).filter(|title| !title.is_empty()) else {
        return failure(400, "folder title cannot be empty");
    };
    let uid =
        body.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty()).map_or_else(|| suffix(&[title], 14), str::to_owned);
    if instance.all_folders(now).iter().any(|folder| folder.uid == uid) {
        return failure(412, "the folder has been changed by someone else");
    }
    if instance.all_folders(now).iter().any(|folder| folder.title == title) {
        return failure(409, "a folder with the same name already exists in the current location");
    }
    let folder = Folder { uid, title: title.to_owned() };
    let answer = Answer::json(200, &folder_body(&folder));
    instance.folders.push(folder);
    answer
}

/// `GET /api/search`.
pub fn search(instance: &Instance, now: Timestamp, request: &Request) -> Answer {
    let folders = instance.all_folders(now);
    let title_of = |uid: &str| folders.iter().find(|folder| folder.uid == uid).map(|folder| folder.title.clone());
    let mut found: Vec<Value> = folders
        .iter()
        .map(|folder| {
            let mut item = folder_body(folder);
            item["type"] = json!("dash-folder");
            item["tags"] = json!([]);
            item
        })
        .collect();
    for (uid, dashboard) in instance.all_dashboards(now) {
        let title = dashboard.model.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut item = json!({
            "id": dashboard.id, "uid": uid, "title": title, "type": "dash-db", "tags": dashboard.model.get("tags").cloned().unwrap_or(json!([])),
            "url": format!("/d/{uid}/{}", slug(&title)), "slug": "", "isStarred": false,
        });
        if let Some(folder) = title_of(&dashboard.folder) {
            item["folderUid"] = json!(dashboard.folder);
            item["folderTitle"] = json!(folder);
        }
        found.push(item);
    }
    found.retain(|item| asked_for(item, request));
    found.sort_by_key(|item| item["title"].as_str().unwrap_or_default().to_owned());
    let number = |name: &str, default: usize| request.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (limit, page) = (number("limit", 1000).min(5000), number("page", 1).max(1));
    Answer::json(200, &found.into_iter().skip(limit * (page - 1)).take(limit).collect())
}

fn asked_for(item: &Value, request: &Request) -> bool {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let has_tag = |tag: &String| item["tags"].as_array().is_some_and(|tags| tags.iter().any(|known| known.as_str() == Some(tag)));
    let one_of = |name: &str, value: &str| {
        let wanted: Vec<String> =
            request.parameters(name).iter().flat_map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
        wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
    };
    request.parameter("query").is_none_or(|query| text("title").to_lowercase().contains(&query.to_lowercase()))
        && one_of("type", text("type"))
        && one_of("folderUIDs", text("folderUid"))
        && one_of("dashboardUIDs", text("uid"))
        && request.parameters("tag").iter().all(has_tag)
}

/// `GET /api/dashboards/uid/{uid}`.
pub fn dashboard(instance: &Instance, now: Timestamp, uid: &str) -> Answer {
    let Some(dashboard) = instance.all_dashboards(now).remove(uid) else {
        return failure(404, "Dashboard not found");
    };
    let folder = instance.all_folders(now).into_iter().find(|folder| folder.uid == dashboard.folder);
    let title = dashboard.model.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    Answer::json(
        200,
        &json!({
            "dashboard": dashboard.model,
            "meta": {
                "type": "db", "slug": slug(&title), "url": format!("/d/{uid}/{}", slug(&title)), "version": dashboard.version,
                "folderUid": dashboard.folder, "folderTitle": folder.map_or("General".to_owned(), |folder| folder.title),
                "provisioned": dashboard.provisioned, "canSave": !dashboard.provisioned,
            },
        }),
    )
}

/// `POST /api/dashboards/db`.
pub fn save(instance: &mut Instance, now: Timestamp, body: &Value) -> Answer {
    let Some(model) = body.get("dashboard").filter(|model| model.is_object()) else {
        return failure(400, "bad request data");
    };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (title, folder) = (text(model, "title"), text(body, "folderUid"));
    if title.is_empty() {
        return Answer::json(400, &json!({"message": "Dashboard title cannot be empty", "status": "empty-name"}));
    }
    let all = instance.all_dashboards(now);
    let overwrite = body.get("overwrite").and_then(Value::as_bool).unwrap_or(false);
    let same_title =
        all.iter().find(|(_, other)| other.folder == folder && text(&other.model, "title") == title).map(|(uid, _)| uid.clone());
    let uid = match (text(model, "uid"), &same_title) {
        (uid, _) if !uid.is_empty() => uid,
        (_, Some(uid)) if overwrite => uid.clone(),
        _ => suffix(&[&title, &folder], 14),
    };
    let present = all.get(&uid);
    if present.is_some_and(|present| present.provisioned) {
        return failure(400, "Cannot save provisioned dashboard");
    }
    if same_title.is_some_and(|other| other != uid) && !overwrite {
        return Answer::json(
            412,
            &json!({"message": "A dashboard with the same name in the folder already exists", "status": "name-exists"}),
        );
    }
    let asked = model.get("version").and_then(Value::as_u64);
    if present.is_some_and(|present| asked != Some(present.version)) && !overwrite {
        return Answer::json(
            412,
            &json!({"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}),
        );
    }
    if !folder.is_empty() && !instance.all_folders(now).iter().any(|known| known.uid == folder) {
        return failure(400, "folder not found");
    }
    // Numbers below a hundred belong to what integrations bring.
    instance.last_id = instance.last_id.max(100) + 1;
    let id = present.map_or(instance.last_id, |present| present.id);
    let version = present.map_or(1, |present| present.version + 1);
    let mut stored = model.clone();
    stored["id"] = json!(id);
    stored["uid"] = json!(uid);
    stored["version"] = json!(version);
    instance.dashboards.insert(uid.clone(), Dashboard { id, model: stored, folder: folder.clone(), version, provisioned: false });
    Answer::json(
        200,
        &json!({
            "id": id, "uid": uid, "status": "success", "version": version, "slug": slug(&title), "folderUid": folder,
            "url": format!("/d/{uid}/{}", slug(&title)),
        }),
    )
}
