// The page's language and direction. Automatic translation is off, so that all raters of a language
// read the same text.

export default function ({ data }) {
  const page = document.documentElement;
  page.lang = data.language;
  page.dir = data.direction;
  page.translate = false;
}
