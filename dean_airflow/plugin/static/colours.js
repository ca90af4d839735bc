// Colours of the theme in force, for what is drawn on a canvas.

export const ISLANDS = 6;

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const islandColour = (island) => colour(`island-${island % ISLANDS}`);
export const islandClass = (island) => `i${island % ISLANDS}`;
