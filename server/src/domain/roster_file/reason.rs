//! Why a line or a whole file is refused, and what to do about it, in Chinese and English.

use super::{FIELD_CHARS_MAX, HEADER_ROWS_MAX};

/// A column of the list, that is, a field of [`RosterLine`](super::RosterLine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Section,
    Floor,
    Room,
    Kind,
    Sharing,
    Company,
    Uscc,
    Occupancy,
}

impl Column {
    /// All columns, in order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Section,
        Self::Floor,
        Self::Room,
        Self::Kind,
        Self::Sharing,
        Self::Company,
        Self::Uscc,
        Self::Occupancy,
    ];

    /// Columns no list can do without.
    pub(crate) const REQUIRED: [Self; 2] = [Self::Floor, Self::Room];

    /// The names a header may give it: letters and digits only, small, the usual Chinese name
    /// first and the English one second.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Section => {
                &["楼座", "section", "座", "座别", "座号", "楼栋", "栋", "幢", "tower", "block"]
            }
            Self::Floor => {
                &["楼层", "floor", "层", "楼层号", "所在楼层", "层号", "level", "storey"]
            }
            Self::Room => &[
                "房号",
                "room",
                "房间",
                "房间号",
                "门牌",
                "门牌号",
                "门牌号码",
                "室号",
                "门号",
                "roomno",
                "roomnumber",
                "roomlabel",
                "door",
                "unit",
                "office",
                "suite",
            ],
            Self::Kind => &[
                "用途",
                "kind",
                "类型",
                "房间类型",
                "房间用途",
                "房屋用途",
                "使用性质",
                "type",
                "use",
                "roomkind",
                "roomtype",
            ],
            Self::Sharing => &["使用方式", "sharing", "合用方式", "独用合用"],
            Self::Company => &[
                "单位名称",
                "company",
                "公司",
                "公司名称",
                "企业名称",
                "企业",
                "单位",
                "入驻单位",
                "入驻企业",
                "租户",
                "租户名称",
                "承租人",
                "承租方",
                "商户名称",
                "companyname",
                "tenant",
                "occupant",
            ],
            Self::Uscc => &["统一社会信用代码", "uscc", "社会信用代码", "信用代码", "creditcode"],
            Self::Occupancy => &["入驻方式", "occupancy", "入驻关系", "入驻类型", "occupancykind"],
        }
    }

    /// Its usual Chinese name.
    pub(crate) const fn zh(self) -> &'static str {
        self.names()[0]
    }

    /// Its usual English name.
    pub(crate) const fn en(self) -> &'static str {
        self.names()[1]
    }
}

/// Why one line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LineReason {
    /// No room label, or one that says nothing, such as a dash.
    RoomMissing,
    /// No floor; it is never guessed from the room number.
    FloorMissing,
    /// A floor, as typed, that the building does not have.
    FloorUnknown(String),
    /// A floor, as typed, that several floors of the building answer to.
    FloorAmbiguous(String),
    /// A section, as typed, that the building does not have.
    SectionUnknown(String),
    /// A kind of room, as typed, that is none.
    KindUnknown(String),
    /// A way of sharing, as typed, that is none.
    SharingUnknown(String),
    /// More than [`FIELD_CHARS_MAX`] characters.
    FieldTooLong(Column),
    /// Control characters, or bytes that are no text in the encoding of the file.
    FieldUnreadable(Column),
    /// The spreadsheet made a date of what was typed: `2-03` has become 3 February.
    FieldIsDate(Column),
    /// The spreadsheet kept only the first 15 digits of a long number.
    DigitsLost(Column),
    /// A formula without a value, such as `#REF!`.
    FormulaFailed(Column),
    /// A quotation mark that nothing closes.
    QuoteOpen,
}

impl LineReason {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::RoomMissing => "room_missing",
            Self::FloorMissing => "floor_missing",
            Self::FloorUnknown(_) => "floor_unknown",
            Self::FloorAmbiguous(_) => "floor_ambiguous",
            Self::SectionUnknown(_) => "section_unknown",
            Self::KindUnknown(_) => "kind_unknown",
            Self::SharingUnknown(_) => "sharing_unknown",
            Self::FieldTooLong(_) => "field_too_long",
            Self::FieldUnreadable(_) => "field_unreadable",
            Self::FieldIsDate(_) => "field_is_date",
            Self::DigitsLost(_) => "digits_lost",
            Self::FormulaFailed(_) => "formula_failed",
            Self::QuoteOpen => "quote_open",
        }
    }

    /// What is wrong and what to do, in Chinese.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::RoomMissing => "没有房号；请填写门上的房号".into(),
            Self::FloorMissing => "没有楼层；请填写楼层，系统不会从房号推算".into(),
            Self::FloorUnknown(typed) => {
                format!("本楼没有楼层“{typed}”；请改成电梯面板上的叫法，或先给本楼加上这一层")
            }
            Self::FloorAmbiguous(typed) => {
                format!("本楼不止一层叫“{typed}”；请写明楼座，或写出楼层的全称")
            }
            Self::SectionUnknown(typed) => {
                format!("本楼没有楼座“{typed}”；请改正楼座，或从本楼清册中删去这一行")
            }
            Self::KindUnknown(typed) => {
                format!("不认识用途“{typed}”；请改为办公室、商铺、住宅等，或写“其他”")
            }
            Self::SharingUnknown(typed) => {
                format!("不认识使用方式“{typed}”；请改为独用、多家合用或仅登记地址")
            }
            Self::FieldTooLong(column) => {
                format!("“{}”超过{FIELD_CHARS_MAX}个字；请缩短", column.zh())
            }
            Self::FieldUnreadable(column) => {
                format!("“{}”含有无法辨认的字符；请重新输入", column.zh())
            }
            Self::FieldIsDate(column) => {
                format!("“{}”被表格软件改成了日期；请把单元格设为文本格式后重新输入", column.zh())
            }
            Self::DigitsLost(column) => format!(
                "“{}”的末几位数字已被表格软件丢掉；请把单元格设为文本格式后重新输入",
                column.zh()
            ),
            Self::FormulaFailed(column) => {
                format!("“{}”的公式出错；请直接填写内容", column.zh())
            }
            Self::QuoteOpen => "引号没有成对；请补上或删去引号".into(),
        }
    }

    /// What is wrong and what to do, in English.
    pub(crate) fn en(&self) -> String {
        match self {
            Self::RoomMissing => "no room; write the label on the door".into(),
            Self::FloorMissing => "no floor; write it, a room number does not tell it".into(),
            Self::FloorUnknown(typed) => format!(
                "the building has no floor “{typed}”; write it as the lift does, or add it first"
            ),
            Self::FloorAmbiguous(typed) => format!(
                "several floors are called “{typed}”; write the section, or the floor in full"
            ),
            Self::SectionUnknown(typed) => format!(
                "the building has no section “{typed}”; correct it, or take the line out of this list"
            ),
            Self::KindUnknown(typed) => format!(
                "“{typed}” is no kind of room; write office, shop, residential unit and so on, or other"
            ),
            Self::SharingUnknown(typed) => {
                format!("“{typed}” is no way of sharing; write single, shared or registered only")
            }
            Self::FieldTooLong(column) => {
                format!("{} exceeds {FIELD_CHARS_MAX} characters; shorten it", column.en())
            }
            Self::FieldUnreadable(column) => {
                format!("{} holds characters that are no text; type it again", column.en())
            }
            Self::FieldIsDate(column) => format!(
                "the spreadsheet made a date of {}; set the cell to text and type it again",
                column.en()
            ),
            Self::DigitsLost(column) => format!(
                "the spreadsheet lost the last digits of {}; set the cell to text and type it again",
                column.en()
            ),
            Self::FormulaFailed(column) => {
                format!("the formula in {} failed; write the value instead", column.en())
            }
            Self::QuoteOpen => "a quotation mark is not closed; add the other or delete it".into(),
        }
    }
}

/// Why a whole file is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileError {
    /// No bytes, or no line after the header.
    Empty,
    /// No row names the columns a list needs.
    NoHeader {
        /// Columns that the row closest to a header lacks.
        missing: Vec<Column>,
    },
    /// An Excel 97–2003 workbook or one with a password.
    OldWorkbook,
    /// A zip archive that is no sound workbook; the text is for the log.
    Unreadable(String),
    /// More bytes than may be.
    TooLarge {
        /// The bound.
        bytes_max: u64,
        /// Whether the bound is on what the archive unpacks to.
        unpacked: bool,
    },
    /// More lines than may be.
    TooManyLines {
        /// The bound.
        max: usize,
    },
}

impl FileError {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file_empty",
            Self::NoHeader { .. } => "header_missing",
            Self::OldWorkbook => "old_workbook",
            Self::Unreadable(_) => "file_unreadable",
            Self::TooLarge { .. } => "file_too_large",
            Self::TooManyLines { .. } => "too_many_lines",
        }
    }

    /// What is wrong and what to do, in Chinese.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::Empty => "文件里没有房间；请检查是否选对了文件".into(),
            Self::NoHeader { missing } => {
                let names: Vec<_> = missing.iter().map(|column| column.zh()).collect();
                format!(
                    "前{HEADER_ROWS_MAX}行里没有找到完整的表头，缺少：{}；请补上列名",
                    names.join("、")
                )
            }
            Self::OldWorkbook => {
                "这是旧版 .xls 或加了密码的文件；请去掉密码，另存为 .xlsx 或 CSV".into()
            }
            Self::Unreadable(_) => {
                "文件已损坏或不是 Excel 工作簿；请重新另存为 .xlsx 或 CSV".into()
            }
            Self::TooLarge { bytes_max, unpacked } => {
                let when = if *unpacked { "解压后" } else { "" };
                let mib = bytes_max >> 20;
                format!("文件{when}超过 {mib} MiB；请只保留房间清册这一张表，或分成几个文件")
            }
            Self::TooManyLines { max } => format!("超过 {max} 行；请分成几个文件"),
        }
    }

    /// What is wrong and what to do, in English.
    pub(crate) fn en(&self) -> String {
        match self {
            Self::Empty => "the file holds no rooms; check that it is the right file".into(),
            Self::NoHeader { missing } => {
                let names: Vec<_> = missing.iter().map(|column| column.en()).collect();
                format!(
                    "no complete header in the first {HEADER_ROWS_MAX} rows, missing: {}; \
                     add the column names",
                    names.join(", ")
                )
            }
            Self::OldWorkbook => {
                "an old .xls or a file with a password; save it as .xlsx or CSV without one".into()
            }
            Self::Unreadable(_) => {
                "the file is damaged or no workbook; save it again as .xlsx or CSV".into()
            }
            Self::TooLarge { bytes_max, unpacked } => {
                let when = if *unpacked { " unpacked" } else { "" };
                let mib = bytes_max >> 20;
                format!("the file{when} exceeds {mib} MiB; keep the list alone, or split it")
            }
            Self::TooManyLines { max } => format!("more than {max} lines; split the file"),
        }
    }
}
