//! Why something is in quarantine, in words, and what the desk can do about it.

use super::DEVICE_FORKED;
use serde::Serialize;

/// Why something is in quarantine, for people.
#[derive(Serialize)]
pub(super) struct Reason {
    code: String,
    zh: &'static str,
    en: &'static str,
}

impl Reason {
    pub(super) fn of(code: String) -> Self {
        let [zh, en] = explained(&code);
        Self { code, zh, en }
    }
}

/// What each reason means, and what to do; Chinese first.
fn explained(reason: &str) -> [&'static str; 2] {
    match reason {
        "wrong_owner" => [
            "由他人账号上传，并非本人提交；本人登录上传后自动生效，也可核实后放行。",
            "Sent by somebody else than its author. It takes effect when the author sends it, or release it after checking.",
        ],
        "device_revoked" => [
            "设备已被吊销；核实确为本人采集后再放行。",
            "The device was revoked. Release it only when it is certain that the author made it.",
        ],
        "user_suspended" => [
            "账号停用之后采集；核实后放行或作废。",
            "Captured after the account was suspended. Release or discard it after checking.",
        ],
        "foreign_street" => [
            "不在提交人所辖街道；核实后放行，或挂接到正确的楼宇。",
            "Outside the sender's streets. Release it after checking, or attach it to the right building.",
        ],
        "forbidden" => [
            "提交人无权作此类操作；如属实，可放行。",
            "The sender may not file this. Release it if it holds.",
        ],
        "op_id_reuse" => [
            "编号已被另一条记录使用，内容不同；对比差异后放行（另行编号）或作废。",
            "Its id is taken by an op of other content. Compare them, then release it under a new id, or discard it.",
        ],
        DEVICE_FORKED => [
            "同一设备序号出现两条记录，设备可能被复制或从备份恢复；已计入，如不属实请作废。",
            "Two ops have one counter: the device was cloned or restored. It counts; discard it if it does not hold.",
        ],
        "merge_failed" => [
            "系统合并此记录时出错，已保存；请联系系统管理员，修复后放行。",
            "The server failed to merge it; it is stored. Tell the system administrator, and release it once that is mended.",
        ],
        "malformed" => [
            "无法解析；原文已保存，请联系采集人补录。",
            "It cannot be read; the text is kept. Ask its author to file it again.",
        ],
        "hash_mismatch" => [
            "内容与校验值不一致；原文已保存，请联系采集人重新上传或补录。",
            "Its content does not match its hash; the text is kept. Ask its author to send or file it again.",
        ],
        "too_large" => [
            "超出大小上限；已保存开头部分，请联系采集人拆分后补录。",
            "Over the size limit; its beginning is kept. Ask its author to file it in parts.",
        ],
        _ => ["需人工核实。", "It needs somebody to look at it."],
    }
}
