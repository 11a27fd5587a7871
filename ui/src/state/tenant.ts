// Whose records are asked for, where somebody has several tenants. It is kept for the tab: two tabs may show two tenants.
const key = 'clew.tenant';

/** The chosen tenant; '' is the one that the server takes it for. */
export function chosenTenant(): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return ''; // storage is off, or there is none
  }
}

/** Keeps the choice, and says whether that was possible. */
export function keepTenant(name: string): boolean {
  try {
    if (name) sessionStorage.setItem(key, name);
    else sessionStorage.removeItem(key);
    return true;
  } catch {
    return false;
  }
}

/** Everything on the page is of the former tenant: it begins again. */
export function chooseTenant(name: string): void {
  if (keepTenant(name)) location.reload();
}
