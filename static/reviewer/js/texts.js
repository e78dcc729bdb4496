// What the page's scripts say, in the page's language: the server has put it there.

export const texts = document.getElementById("texts").dataset;

// Of a text's plural forms, each with a number that takes it, the one for this number.
export function plural(forms, n) {
  const rules = new Intl.PluralRules(document.documentElement.lang);
  const known = JSON.parse(forms);
  const [, form] = known.find(([sample]) => rules.select(sample) === rules.select(n)) ?? known.at(-1);
  return form.replace("{n}", n);
}
