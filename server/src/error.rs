//! What a request can fail with, in one table: a stable code, a status, and a text in Chinese and
//! English that says what to do next (RFC 9457 problem details).

use crate::store::Trouble;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A failure of a request as a whole. What happens to single ops is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("not signed in")]
    Unauthenticated,
    #[error("the session has ended")]
    SessionEnded,
    #[error("user name or password is wrong")]
    WrongPassword,
    #[error("the account is suspended")]
    Suspended,
    #[error("the device is revoked")]
    DeviceRevoked,
    #[error("not permitted")]
    Forbidden,
    /// Also what lies outside the caller's scope: its existence is nobody's business.
    #[error("not found")]
    NotFound,
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("invalid: {0}")]
    Invalid(String),
    #[error("too large: {0}")]
    TooLarge(String),
    #[error("content digest differs: {0}")]
    DigestMismatch(String),
    #[error("unsupported sync version")]
    UnsupportedVersion,
    #[error("too many attempts")]
    TooManyAttempts,
    /// A code by which a device asks to be enrolled that is not good, for whatever reason.
    #[error("the code is not good")]
    EnrolmentRefused,
    #[error("overloaded")]
    Overloaded,
    /// An upload that has expired, was cancelled, or whose bytes are lost.
    #[error("the upload is gone")]
    UploadGone,
    #[error("the link has expired")]
    LinkExpired,
    /// An original that is noted and lies neither here nor was removed by two persons.
    #[error("the original is missing")]
    OriginalMissing,
    #[error("the photo is here with other bytes")]
    PhotoConflict,
    #[error("too many uploads at once")]
    TooManyUploads,
    #[error("no room on the disk")]
    NoRoom,
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// What was told of the database or of the files by somebody else's request.
    #[error("{0}")]
    Trouble(Trouble),
    #[error("internal: {0}")]
    Internal(String),
}

/// The result of whatever a request asks for.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// How a failure is told.
struct Problem {
    status: StatusCode,
    code: &'static str,
    title: [&'static str; 2],
    next: [&'static str; 2],
}

const fn problem(
    status: StatusCode,
    code: &'static str,
    title: [&'static str; 2],
    next: [&'static str; 2],
) -> Problem {
    Problem { status, code, title, next }
}

/// The rows of the table for what passes by itself, or when somebody has made room.
const fn of_trouble(trouble: Trouble) -> Problem {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    match trouble {
        Trouble::StorageFull => problem(
            status,
            "storage_full",
            ["服务器存储空间已满", "The server has no room left"],
            [
                "记录保留在手机上，腾出空间后会自动上传；请通知系统管理员清理或扩容磁盘。",
                "Records stay on the phone and are sent once there is room; tell the system administrator to free or add disk space.",
            ],
        ),
        Trouble::Unavailable => problem(
            status,
            "database_unavailable",
            ["数据库暂时不可用", "The database is not available right now"],
            [
                "记录保留在手机上，恢复后会自动上传；若持续数分钟，请通知系统管理员。",
                "Records stay on the phone and are sent when it is back; if this lasts for minutes, tell the system administrator.",
            ],
        ),
        Trouble::Busy => problem(
            status,
            "overloaded",
            ["服务器繁忙", "The server is busy"],
            [
                "请按 Retry-After 稍后重发；记录保留在手机上。",
                "Send it again after Retry-After; records stay on the phone.",
            ],
        ),
    }
}

impl Error {
    /// The table of problems: status, code, what it is, what to do next; Chinese first.
    #[expect(clippy::too_many_lines, reason = "a table, read row by row")]
    fn problem(&self) -> Problem {
        if let Some(trouble) = self.trouble() {
            return of_trouble(trouble);
        }
        match self {
            Self::Unauthenticated => problem(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                ["未登录", "Not signed in"],
                ["请登录后重试。", "Sign in and try again."],
            ),
            Self::SessionEnded => problem(
                StatusCode::UNAUTHORIZED,
                "session_ended",
                ["登录已失效", "The session has ended"],
                [
                    "请重新登录；手机上未上传的记录不会丢失。",
                    "Sign in again; records waiting on the phone are not lost.",
                ],
            ),
            Self::WrongPassword => problem(
                StatusCode::UNAUTHORIZED,
                "wrong_password",
                ["用户名或密码错误", "User name or password is wrong"],
                [
                    "请核对后重试；忘记密码请联系系统管理员。",
                    "Check both and try again; if you forgot the password, ask the system administrator.",
                ],
            ),
            Self::Suspended => problem(
                StatusCode::FORBIDDEN,
                "account_suspended",
                ["账号已停用", "The account is suspended"],
                [
                    "手机上未上传的记录仍可上传，由督导审核；其他操作请联系系统管理员。",
                    "Records waiting on the phone can still be sent, for the supervisor to review; for anything else ask the system administrator.",
                ],
            ),
            Self::DeviceRevoked => problem(
                StatusCode::FORBIDDEN,
                "device_revoked",
                ["此设备已被吊销", "The device is revoked"],
                [
                    "手机上未上传的记录仍可上传，由督导审核；请换用其他设备登录。",
                    "Records waiting on the phone can still be sent, for the supervisor to review; sign in on another device.",
                ],
            ),
            Self::Forbidden => problem(
                StatusCode::FORBIDDEN,
                "forbidden",
                ["无权执行此操作", "Not permitted"],
                [
                    "如工作需要，请向街道督导申请授权。",
                    "If your work needs it, ask the street supervisor for the right.",
                ],
            ),
            Self::NotFound => problem(
                StatusCode::NOT_FOUND,
                "not_found",
                ["未找到", "Not found"],
                [
                    "请核对编号；也可能不在您的管辖范围内。",
                    "Check the id; it may also lie outside your area.",
                ],
            ),
            Self::Malformed(_) => problem(
                StatusCode::BAD_REQUEST,
                "malformed",
                ["请求无法解析", "The request cannot be read"],
                [
                    "请按接口说明修正后重发；未改动任何已存数据。",
                    "Mend it by the interface description and send it again; nothing stored was changed.",
                ],
            ),
            Self::Invalid(_) => problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                ["内容不符合要求", "The content does not fit"],
                ["请按提示修正后重发。", "Mend what the cause names and send it again."],
            ),
            Self::TooLarge(_) => problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                ["请求超出上限", "The request is over the limit"],
                [
                    "请分成较小的批次重发，上限见 limits。",
                    "Send it in smaller batches; limits says how small.",
                ],
            ),
            Self::DigestMismatch(_) => problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "digest_mismatch",
                ["内容与校验值不一致", "The content does not match its digest"],
                ["传输中损坏，请重新发送。", "It was damaged on the way; send it again."],
            ),
            Self::UnsupportedVersion => problem(
                StatusCode::UPGRADE_REQUIRED,
                "unsupported_version",
                ["同步协议版本不受支持", "The sync version is not supported"],
                [
                    "请升级应用；未上传的记录保留在手机上，升级后继续上传。",
                    "Update the app; waiting records stay on the phone and are sent afterwards.",
                ],
            ),
            Self::TooManyAttempts => problem(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_attempts",
                ["尝试次数过多", "Too many attempts"],
                ["请稍后再试。", "Wait a little and try again."],
            ),
            Self::EnrolmentRefused => problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "enrolment_refused",
                ["设备登记码无效", "The enrolment code is not good"],
                [
                    "登记码可能已过期、已使用或不是给您的；请向街道督导索取新的登记码。",
                    "It may have expired, been used, or be meant for somebody else; ask the street supervisor for a new one.",
                ],
            ),
            Self::UploadGone => problem(
                StatusCode::GONE,
                "upload_gone",
                ["此上传已失效", "The upload is gone"],
                [
                    "请重新申请上传；照片仍在手机上，不会丢失。",
                    "Plan the photo again; it is still on the phone and not lost.",
                ],
            ),
            Self::LinkExpired => problem(
                StatusCode::GONE,
                "link_expired",
                ["链接已过期", "The link has expired"],
                ["请重新打开照片。", "Open the photo again."],
            ),
            Self::OriginalMissing => problem(
                StatusCode::CONFLICT,
                "original_missing",
                ["原件暂不在服务器上", "The original is not here at the moment"],
                [
                    "请通知系统管理员执行归档复核（archive scrub --now）取回原件后再导出。",
                    "Tell the system administrator to run `archive scrub --now`, which brings it back, and export again.",
                ],
            ),
            Self::PhotoConflict => problem(
                StatusCode::CONFLICT,
                "photo_conflict",
                ["同一照片编号已有其他内容", "The photo is here with other bytes"],
                [
                    "请以新编号保存该照片并重新关联记录；两份内容均不会删除。",
                    "Give the photo a new id and link it to its record again; neither is deleted.",
                ],
            ),
            Self::TooManyUploads => problem(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_uploads",
                ["同时上传的照片过多", "Too many photos at once"],
                ["请待正在上传的照片完成后继续。", "Go on when some of them have arrived."],
            ),
            Self::NoRoom => problem(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_full",
                ["服务器存储空间不足", "The server's disk is full"],
                [
                    "照片保留在手机上，稍后自动续传；请通知系统管理员扩容。",
                    "Photos stay on the phone and go on later; tell the system administrator to make room.",
                ],
            ),
            Self::Overloaded => of_trouble(Trouble::Busy),
            Self::Trouble(trouble) => of_trouble(*trouble),
            Self::Database(_) | Self::Internal(_) => problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                ["服务器内部错误", "The server failed"],
                [
                    "请稍后重试；若仍失败，请把请求编号告诉系统管理员。",
                    "Try again later; if it fails again, tell the system administrator the request id.",
                ],
            ),
        }
    }

    /// What ails the database or its files, where that is why the request failed: it passes, and the
    /// request may be sent again as it is.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Database(error) => Trouble::of(error),
            Self::Trouble(trouble) => Some(*trouble),
            _ => None,
        }
    }

    /// The same failure, for one more of those whom it has kept waiting.
    pub(crate) fn again(&self) -> Self {
        match (self, self.trouble()) {
            (Self::NoRoom, _) => Self::NoRoom,
            (_, Some(trouble)) => Self::Trouble(trouble),
            (other, None) => Self::Internal(other.to_string()),
        }
    }

    /// Technical detail for the one who mends the client; never internals.
    fn cause(&self) -> Option<&str> {
        match self {
            Self::Malformed(cause)
            | Self::Invalid(cause)
            | Self::TooLarge(cause)
            | Self::DigestMismatch(cause) => Some(cause),
            _ => None,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let Problem { status, code, title, next } = self.problem();
        if status.is_server_error() {
            tracing::error!(code, error = %self, "request failed");
        } else {
            tracing::info!(code, "request refused");
        }
        let mut body = json!({
            "type": format!("urn:saolou:problem:{code}"),
            "status": status.as_u16(),
            "code": code,
            "title": title[0],
            "detail": next[0],
            "title_en": title[1],
            "detail_en": next[1],
        });
        if let Some(cause) = self.cause() {
            body["cause"] = json!(cause);
        }
        if matches!(self, Self::TooLarge(_) | Self::UnsupportedVersion) {
            body["limits"] = json!(crate::domain::sync::Limits::SERVED);
        }
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            let wait_s = if code == "storage_full" { "30" } else { "2" };
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(wait_s));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
