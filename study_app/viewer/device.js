// Keeps a personal link's token for half a year in this browser; only pages of this address read it.

export default function ({ data }) {
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.token}; Path=/; Max-Age=15552000; SameSite=Strict${secure}`;
}
