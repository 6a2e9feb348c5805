// The words of what surrounds every view.
export const frame = {
  product: "扫楼",
  slogan: "楼宇摸排，一户不漏",
  language: "English",
  theme: { label: "外观", light: "浅色", dark: "深色" },
  signIn: {
    title: "登录",
    username: "用户名",
    password: "密码",
    submit: "登录",
    busy: "正在登录…",
    out: "退出登录",
    need: "请先登录。",
  },
  line: { live: "实时", lost: "连接中断，正在重连…" },
  crumbs: { street: "街道", building: "楼宇" },
  past: {
    label: "回看",
    now: "现在",
    at: "截至 {{when}} 的数据",
    back: "回到现在",
    hint: "按服务器收到的时间回看",
  },
  freshness: { asOf: "截至 {{when}}", received: "数据以服务器收到为准" },
  problem: { retry: "重试", loading: "正在读取…", empty: "没有内容。", lost: "没有这个页面。", home: "回到首页" },
  user: { menu: "账号" },
} as const;
