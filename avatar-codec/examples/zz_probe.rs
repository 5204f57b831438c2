use visavis_codec::Avatar;
use visavis_codec::expression::{*,check::*};
fn main(){
 let a=Avatar::read(&std::fs::read("assets/avatars/wren.avatar").unwrap()).unwrap();
 let t=std::time::Instant::now();
 let c=Checker::new(&a).unwrap(); println!("new {:?}",t.elapsed());
 for s in c.range().seams(){println!("{:?} {}",s.kind,s.contacts.len());}
 println!("smile {} spill {} identity {}",c.smile_gain_error(),c.spill_ratio(),c.is_identity_exact(500));
 for p in PRESETS{println!("{} gap {}",p.name(),c.blink_gap_mm(&p.profile()));}
 let t=std::time::Instant::now();
 let n:usize=std::env::args().nth(1).map_or(2000,|s|s.parse().unwrap());
 println!("{:#?} {:?}",c.penetration(n,1,&mut |_|true),t.elapsed());
 let r=c.range(); let faces=random_faces(r,3,300); let profile=random_profile(3);
 let mut tu=Tuner::new(&profile,r); let t=std::time::Instant::now(); let mut s=0.;
 for k in 0..20{for (i,f) in faces.iter().enumerate(){s+=tu.apply(f,visavis_codec::Timestamp((k*300+i as u64)*33_333_333)).units[3];}}
 println!("us {} {s}",t.elapsed().as_secs_f64()*1e6/6000.);
}
