//! Methods of the Web API, as their reference describes them (<https://docs.slack.dev/reference/methods>).

use serde_json::{Value, json};

use crate::{
    CLIENT_ID, CLIENT_SECRET,
    workspace::{BOT_USER, Posted, Workspace},
};

/// Methods whose arguments are a form only.
pub(crate) const READS: [&str; 2] = ["conversations.replies", "oauth.v2.access"];
/// Longest text of a message in Markdown, in characters.
const MAX_MARKDOWN: usize = 12_000;
/// Longest text of a message, in characters.
const MAX_TEXT: usize = 40_000;

type Outcome = Result<Value, &'static str>;

fn text<'a>(arguments: &'a Value, name: &str) -> Option<&'a str> {
    arguments[name].as_str().filter(|text| !text.is_empty())
}

fn required<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, &'static str> {
    text(arguments, name).ok_or("invalid_arguments")
}

/// Carries out a call.
pub(crate) fn execute(workspace: &mut Workspace, method: &str, token: &str, arguments: &Value) -> Outcome {
    if method == "oauth.v2.access" {
        return exchange(workspace, arguments);
    }
    let Some(team) = workspace.team_of(token).map(str::to_owned) else {
        return Err(if token.is_empty() { "not_authed" } else { "invalid_auth" });
    };
    match method {
        "auth.test" => Ok(json!({
            "url": "https://example.slack.com/", "team": format!("Team {team}"), "user": "parlance", "team_id": team,
            "user_id": BOT_USER, "bot_id": "B0BOT", "is_enterprise_install": false,
        })),
        "auth.revoke" => {
            workspace.tokens.remove(token);
            Ok(json!({"revoked": true}))
        }
        "assistant.threads.setStatus" => {
            required(arguments, "channel_id")?;
            required(arguments, "thread_ts")?;
            arguments["status"].as_str().ok_or("invalid_arguments")?;
            Ok(json!({}))
        }
        "assistant.threads.setSuggestedPrompts" => {
            required(arguments, "channel_id")?;
            let prompts = arguments["prompts"].as_array().ok_or("invalid_arguments")?;
            let is_prompt = |it: &Value| text(it, "title").is_some() && text(it, "message").is_some();
            if prompts.is_empty() || prompts.len() > 4 || !prompts.iter().all(is_prompt) {
                return Err("invalid_arguments");
            }
            Ok(json!({}))
        }
        "chat.startStream" => start(workspace, arguments),
        "chat.appendStream" => append(workspace, arguments),
        "chat.stopStream" => stop(workspace, arguments),
        "chat.postMessage" => post(workspace, arguments),
        "chat.update" => update(workspace, arguments),
        "chat.delete" => {
            let (channel, ts) = (required(arguments, "channel")?, required(arguments, "ts")?);
            workspace.find(channel, ts).ok_or("message_not_found")?;
            workspace
                .messages
                .retain(|message| message.ts != ts || message.channel != channel);
            Ok(json!({"channel": channel, "ts": ts}))
        }
        "chat.postEphemeral" => {
            required(arguments, "channel")?;
            required(arguments, "user")?;
            check_message(arguments)?;
            Ok(json!({"message_ts": workspace.next_ts()}))
        }
        "conversations.replies" => replies(workspace, arguments),
        _ => Err("unknown_method"),
    }
}

fn exchange(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    if required(arguments, "client_id")? != CLIENT_ID || required(arguments, "client_secret")? != CLIENT_SECRET {
        return Err("bad_client_secret");
    }
    required(arguments, "redirect_uri").map_err(|_| "bad_redirect_uri")?;
    // A code counts once.
    let token = workspace
        .codes
        .remove(required(arguments, "code")?)
        .ok_or("invalid_code")?;
    let team = workspace.team_of(&token).unwrap_or_default().to_owned();
    Ok(json!({
        "access_token": token, "token_type": "bot", "scope": "chat:write", "bot_user_id": BOT_USER, "app_id": "A0APP",
        "team": {"id": team, "name": format!("Team {team}")}, "enterprise": null, "is_enterprise_install": false,
        "authed_user": {"id": "U0ADMIN"},
    }))
}

/// Checks the contents of a message, which are a text, blocks, or Markdown.
pub(crate) fn check_message(arguments: &Value) -> Result<(), &'static str> {
    let (markdown, plain, blocks) = (&arguments["markdown_text"], &arguments["text"], &arguments["blocks"]);
    if markdown.is_string() && (plain.is_string() || blocks.is_array()) {
        return Err("markdown_text_conflict");
    }
    let length = |value: &Value| value.as_str().map_or(0, |text| text.encode_utf16().count());
    if length(markdown) > MAX_MARKDOWN || length(plain) > MAX_TEXT {
        return Err("msg_too_long");
    }
    if length(markdown) == 0 && length(plain) == 0 && !blocks.is_array() {
        return Err("no_text");
    }
    check_blocks(blocks)
}

fn check_blocks(blocks: &Value) -> Result<(), &'static str> {
    let mut markdown = 0;
    let blocks = blocks.as_array().map(Vec::as_slice).unwrap_or_default();
    for block in blocks {
        let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_valid = match block["type"].as_str() {
            Some("markdown") => {
                markdown += block["text"].as_str().ok_or("invalid_blocks")?.encode_utf16().count();
                markdown > 0
            }
            Some("context") => {
                let is_text = |it: &Value| {
                    let length = it["text"].as_str().map_or(0, str::len);
                    it["type"] == "mrkdwn" && (1..=2_000).contains(&length)
                };
                (1..=10).contains(&elements.len()) && elements.iter().all(is_text)
            }
            Some("context_actions") => elements.iter().all(|it| {
                let is_button = |button: &Value| {
                    let label = button["text"]["text"].as_str().map_or(0, str::len);
                    let value = button["value"].as_str().map_or(0, str::len);
                    button["text"]["type"] == "plain_text" && (1..=75).contains(&label) && (1..=2_000).contains(&value)
                };
                it["type"] == "feedback_buttons"
                    && is_button(&it["positive_button"])
                    && is_button(&it["negative_button"])
            }),
            _ => false,
        };
        if !is_valid {
            return Err("invalid_blocks");
        }
    }
    if blocks.len() > 50 || markdown > MAX_MARKDOWN {
        Err("invalid_blocks")
    } else {
        Ok(())
    }
}

/// The text that people see of a message.
fn shown(arguments: &Value) -> String {
    let blocks = arguments["blocks"].as_array().into_iter().flatten();
    let of_blocks: String = blocks.filter_map(|block| block["text"].as_str()).collect();
    let markdown = arguments["markdown_text"].as_str();
    let plain = || arguments["text"].as_str().unwrap_or_default().to_owned();
    let otherwise = || {
        if of_blocks.is_empty() {
            plain()
        } else {
            of_blocks.clone()
        }
    };
    markdown.map_or_else(otherwise, str::to_owned)
}

fn below(arguments: &Value) -> Vec<Value> {
    let blocks = arguments["blocks"].as_array().into_iter().flatten();
    blocks.filter(|block| block["type"] != "markdown").cloned().collect()
}

fn add(workspace: &mut Workspace, arguments: &Value, is_streaming: bool) -> Outcome {
    let channel = required(arguments, "channel")?.to_owned();
    let ts = workspace.next_ts();
    workspace.messages.push(Posted {
        channel: channel.clone(),
        thread_ts: text(arguments, "thread_ts").unwrap_or(&ts).to_owned(),
        text: shown(arguments),
        blocks: below(arguments),
        metadata: arguments["metadata"].clone(),
        ts: ts.clone(),
        is_streaming,
        appended: 0,
    });
    Ok(json!({"channel": channel, "ts": ts}))
}

fn start(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    required(arguments, "thread_ts")?;
    let is_direct = required(arguments, "channel")?.starts_with('D');
    if !is_direct {
        required(arguments, "recipient_user_id").map_err(|_| "missing_recipient_user_id")?;
        required(arguments, "recipient_team_id").map_err(|_| "missing_recipient_team_id")?;
    }
    if arguments["blocks"].is_array() {
        return Err("invalid_arguments");
    }
    check_message(arguments)?;
    add(workspace, arguments, true)
}

fn append(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let (channel, ts) = (required(arguments, "channel")?, required(arguments, "ts")?);
    let more = required(arguments, "markdown_text")?.to_owned();
    check_message(arguments)?;
    let lasts = workspace.stream_lasts;
    let message = workspace.find(channel, ts).ok_or("message_not_found")?;
    if lasts.is_some_and(|lasts| message.appended >= lasts) {
        message.is_streaming = false;
    }
    if !message.is_streaming {
        return Err("message_not_in_streaming_state");
    }
    message.appended += 1;
    message.text.push_str(&more);
    Ok(json!({"channel": channel, "ts": ts}))
}

fn stop(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let (channel, ts) = (required(arguments, "channel")?, required(arguments, "ts")?);
    check_blocks(&arguments["blocks"])?;
    let message = workspace.find(channel, ts).ok_or("message_not_found")?;
    if !message.is_streaming {
        return Err("message_not_in_streaming_state");
    }
    message.is_streaming = false;
    message.blocks = below(arguments);
    message.metadata = arguments["metadata"].clone();
    if let Some(more) = text(arguments, "markdown_text") {
        message.text.push_str(more);
    }
    Ok(json!({"channel": channel, "ts": ts}))
}

fn post(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    check_message(arguments)?;
    add(workspace, arguments, false)
}

fn update(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    check_message(arguments)?;
    let (channel, ts) = (required(arguments, "channel")?, required(arguments, "ts")?);
    let message = workspace.find(channel, ts).ok_or("message_not_found")?;
    if message.is_streaming {
        return Err("streaming_state_conflict");
    }
    message.text = shown(arguments);
    message.blocks = below(arguments);
    message.metadata = arguments["metadata"].clone();
    Ok(json!({"channel": channel, "ts": ts}))
}

fn replies(workspace: &mut Workspace, arguments: &Value) -> Outcome {
    let (channel, thread) = (required(arguments, "channel")?, required(arguments, "ts")?);
    if workspace.cannot_read {
        return Err("missing_scope");
    }
    let oldest = text(arguments, "oldest").unwrap_or_default();
    let has_metadata = text(arguments, "include_all_metadata") == Some("true");
    let found = workspace
        .thread(channel, thread)
        .into_iter()
        .filter(|message| message.ts.as_str() > oldest);
    let messages = found.map(|message| {
        let mut shown = json!({
            "type": "message", "user": BOT_USER, "bot_id": "B0BOT", "ts": message.ts, "thread_ts": message.thread_ts,
            "text": message.text,
        });
        if has_metadata && !message.metadata.is_null() {
            shown["metadata"] = message.metadata;
        }
        shown
    });
    Ok(json!({"messages": messages.collect::<Vec<_>>(), "has_more": false}))
}
