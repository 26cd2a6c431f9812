// The page's language and direction. Nobody's translator changes the words: all raters of a language
// are to read the same.

export default function ({ data }) {
  const page = document.documentElement;
  page.lang = data.language;
  page.dir = data.direction;
  page.translate = false;
}
