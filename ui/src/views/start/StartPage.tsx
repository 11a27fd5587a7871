// Get started: how to send, and how to find it again.
import { useEffect } from 'react';
import { FirstSteps } from './FirstSteps';
import classes from './StartPage.module.css';

export default function StartPage() {
  useEffect(() => {
    document.title = 'Get started – clew';
  }, []);
  return (
    <div className={classes.page}>
      <h1 className="sr-only">Get started</h1>
      <FirstSteps />
    </div>
  );
}
